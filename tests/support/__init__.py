"""What the tests share: a real Kafka, real worker processes, seeded registers and claims, and the balance of a run."""
