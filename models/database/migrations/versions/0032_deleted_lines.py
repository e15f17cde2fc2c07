"""On PostgreSQL, the deletion of a line waits for the copies of its order."""

from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

# The function locks the order, so that no new copy of it is requested. Then it waits for the copies
# that are being made. A transaction with an older snapshot does not see all requested copies, so it
# waits for the copies of all orders. The function runs with the rights of its owner, as a foreign
# key's check does.
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
