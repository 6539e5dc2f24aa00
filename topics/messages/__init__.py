"""The messages, one module a kind of topic. Wire contract version 1: JSON in UTF-8, money as decimal strings, RFC 3339 times."""
