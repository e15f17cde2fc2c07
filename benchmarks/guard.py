"""Totals of the rows that a contender has written, to compare two contenders."""

from sqlalchemy import create_engine, text

# One row of numbers per table. The last ones check the references: lines, addresses and payment
# sources must be copied from the source order of their target's factory.
_TALLIES = {
    "order_factories": """
        SELECT count(*), count(target_order_id), sum(source_order_id), sum(errors_count)
        FROM order_factories WHERE status = 'completed'""",
    "failed order_factories": """
        SELECT count(*), count(target_order_id), sum(source_order_id)
        FROM order_factories WHERE status = 'failed'""",
    "other order_factories": """
        SELECT count(*) FROM order_factories WHERE status NOT IN ('completed', 'failed')""",
    "create events": "SELECT count(*) FROM events WHERE name = 'order_factories.create'",
    "start events": "SELECT count(*) FROM events WHERE name = 'order_factories.start'",
    "complete events": "SELECT count(*) FROM events WHERE name = 'order_factories.complete'",
    "orders": """
        SELECT count(*), sum(customer_id), sum(subtotal_amount_cents), sum(total_amount_cents),
               sum(total_amount_with_taxes_cents), sum(discount_amount_cents),
               sum(total_tax_amount_cents), count(payment_source_id), count(metadata),
               sum(length(customer_email)), sum(length(status)), sum(length(payment_status)),
               sum(length(fulfillment_status)), sum(length(currency_code)), count(number),
               count(placed_at)
        FROM orders WHERE order_factory_id IS NOT NULL""",
    "line_items": """
        SELECT count(*), sum(copied_from_id), sum(quantity), sum(unit_amount_cents),
               sum(total_amount_cents), sum(length(sku_code)), sum(length(name)),
               sum(length(reference)), sum(length(item_type)), sum(length(currency_code))
        FROM line_items WHERE copied_from_id IS NOT NULL""",
    "addresses": """
        SELECT count(*), sum(copied_from_id), sum(length(line_1)), sum(length(last_name)),
               sum(length(reference))
        FROM addresses WHERE copied_from_id IS NOT NULL""",
    "payment_sources": """
        SELECT count(*), sum(copied_from_id), sum(length(payment_source_token)), count(expires_at)
        FROM payment_sources WHERE copied_from_id IS NOT NULL""",
    "stock_reservations": """
        SELECT count(*), sum(stock_item_id), sum(quantity), sum(length(status))
        FROM stock_reservations""",
    "stock_items": "SELECT sum(quantity), sum(reserved), sum(quantity * sku_id) FROM stock_items",
    "lines in their orders": """
        SELECT count(*) FROM order_factories f JOIN orders o ON o.id = f.target_order_id
            JOIN line_items t ON t.order_id = o.id JOIN line_items s ON s.id = t.copied_from_id
        WHERE o.order_factory_id = f.id AND s.order_id = f.source_order_id""",
    "addresses and payment sources of their orders": """
        SELECT count(*) FROM order_factories f JOIN orders o ON o.id = f.target_order_id
            JOIN orders s ON s.id = f.source_order_id
            JOIN addresses b ON b.id = o.billing_address_id
                AND b.copied_from_id = s.billing_address_id
            JOIN addresses d ON d.id = o.shipping_address_id
                AND d.copied_from_id = s.shipping_address_id
            JOIN payment_sources p ON p.id = o.payment_source_id
                AND p.copied_from_id = s.payment_source_id""",
}
_ROWS = """
    SELECT (SELECT count(*) FROM order_factories) + (SELECT count(*) FROM events)
         + (SELECT count(*) FROM order_factory_batches) + (SELECT count(*) FROM copy_errors)
         + (SELECT count(*) FROM orders WHERE order_factory_id IS NOT NULL)
         + (SELECT count(*) FROM line_items WHERE copied_from_id IS NOT NULL)
         + (SELECT count(*) FROM stock_reservations)
         + (SELECT count(*) FROM addresses WHERE copied_from_id IS NOT NULL)
         + (SELECT count(*) FROM payment_sources WHERE copied_from_id IS NOT NULL)"""
Tally = dict[str, list[int]]


def tally(url: str) -> tuple[int, Tally]:
    """Return how many rows the contender wrote, and the sums per table."""
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as db:
        rows = db.execute(text(_ROWS)).scalar_one()
        found = {
            name: [int(value or 0) for value in db.execute(text(query)).one()]
            for name, query in _TALLIES.items()
        }
    engine.dispose()
    return rows, found


def differences(one: Tally, other: Tally) -> list[str]:
    """Return the differences between two tallies as text; an empty list if they are equal."""
    return [f"{name}: {one[name]} and {other[name]}" for name in one if one[name] != other[name]]
