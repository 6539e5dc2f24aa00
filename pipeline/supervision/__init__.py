"""Measures of supervision (监督检查) from claims and verdicts, for people to act on; none of them decides a claim."""
