"""Kafka as infrastructure: clients, provisioning and brokers to run locally."""
