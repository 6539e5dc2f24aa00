"""The archive: every claim and every verdict as Delta tables, exactly once from Kafka."""
