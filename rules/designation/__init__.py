"""Evaluation for designated status (医保定点评估): dated, cited packs, and what an application lacks."""
