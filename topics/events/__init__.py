"""Events of the registers: what the message is, and the one acceptance of it."""
