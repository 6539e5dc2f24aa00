"""Files of claims and events, read in one way: sources, mappings, fitting of types, decoding."""
