"""A line that is deleted waits for the copies of its order on PostgreSQL."""

from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

# It locks the order, so that no copy of it is requested, and waits for the copies that are made.
# An older snapshot does not show all requests, so such a transaction waits for all copies. As a
# foreign key does, the function runs with the rights of its owner.
_FUNCTION = """
CREATE OR REPLACE FUNCTION lock_copies_of_line() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    EXECUTE format('SELECT FROM %I.orders WHERE id = $1 FOR UPDATE', TG_TABLE_SCHEMA)
        USING OLD.order_id;
    EXECUTE format(
        'SELECT FROM %I.order_factories WHERE source_order_id = $1 FOR KEY SHARE', TG_TABLE_SCHEMA
    ) USING OLD.order_id;
    IF current_setting('transaction_isolation') IN ('repeatable read', 'serializable') THEN
        EXECUTE format('LOCK TABLE %I.line_items IN SHARE ROW EXCLUSIVE MODE', TG_TABLE_SCHEMA);
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    RETURN NEW;
END $$
"""
_TRIGGER = """
CREATE TRIGGER lock_copies_of_line BEFORE DELETE OR UPDATE OF id, order_id ON line_items
FOR EACH ROW EXECUTE FUNCTION lock_copies_of_line()
"""


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(_FUNCTION)
        op.execute(_TRIGGER)


def downgrade() -> None:
    raise NotImplementedError("A schema is never taken back to an earlier version.")
