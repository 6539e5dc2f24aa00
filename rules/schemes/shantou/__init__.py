"""Shantou (汕头市) 2022, a draft: drugs and listed prescribers."""
