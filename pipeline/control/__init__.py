"""The control plane: every physician's ledger, live. Faust keeps the group, the flow and the tables; the law is in `rules`."""
