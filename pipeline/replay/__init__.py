"""Replay: historical claims through the same law, without Kafka, and what a different rule would have done."""
