"""Claims on the wire: from bytes to one frame, and a precise reason for every value that is not a claim."""
