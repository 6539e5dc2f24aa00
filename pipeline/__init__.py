"""The shell: everything that reads a clock, opens a file or talks to Kafka."""
