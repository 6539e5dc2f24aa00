"""Settings: one typed model from the environment, with what it leads to: security, and the packs that are on."""
