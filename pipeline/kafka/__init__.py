"""What every process does with Kafka: reading, producing, transactions, offsets, topics and rights."""
