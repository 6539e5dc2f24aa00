"""The law. Pure: events in, standing out; claims and standing in, verdicts out.

Nothing in this package reads a clock, draws a random number, opens a file or talks to Kafka.
"""
