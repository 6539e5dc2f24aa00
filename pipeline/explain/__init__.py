"""One claim explained: the decision and the whole chain behind it, for people and for scripts."""
