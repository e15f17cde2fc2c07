"""Alembic's entry point: migrations run on the connection that `order_factory.models.database.schema` hands over."""

from alembic import context

from order_factory.models.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=False,
)
with context.begin_transaction():
    context.run_migrations()
