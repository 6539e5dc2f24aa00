"""The proof on recorded verdicts: a range of a topic copied, judged again and compared."""
