"""Alembic's entry: runs the migrations on the connection that `app/migrate.py` gives it."""

from alembic import context

from regie.app.schema import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True, compare_type=True
)
context.run_migrations()
