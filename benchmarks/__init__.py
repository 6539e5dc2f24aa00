"""How fast the gate is, and how fast others do the same job on the same Kafka: one command, one table of ratios."""
