"""Kinds of law, one folder a scheme: its parameters, how it counts, its institutions."""
