"""The read model of the desk: rows that follow from topics, and the accounts and sessions that are its own."""
