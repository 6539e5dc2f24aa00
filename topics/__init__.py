"""The contracts: what travels on which topic, keyed by what, owned by whom. Nothing here connects to anything."""
