"""The ledger: a pure fold of recorded events into what holds on every day.

`dossier` keeps the events in the law's order; one module a scheme counts; `rules.standing` puts timelines together.
"""
