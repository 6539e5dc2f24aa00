"""How Alembic runs: on the connection that it is handed, in the transaction that its caller has begun."""

from __future__ import annotations

from alembic import context

from pipeline.desk.store.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
with context.begin_transaction():
    context.run_migrations()
