"""A roster held against what is recorded: the difference, and only it, becomes events (名册比对)."""
