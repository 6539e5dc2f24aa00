"""The migrations of the database of the desk, by Alembic."""
