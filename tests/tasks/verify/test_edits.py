"""What a shop edits after a copy was made breaks no invariant."""

import pytest

from order_factory.tasks.verify import verify

_NEW_LINE = (
    "INSERT INTO line_items "
    "(order_id, item_type, name, quantity, total_amount_cents, created_at, updated_at) "
    "VALUES (:{}, 'skus', 'Sticker', 1, 0, :later, :later)"
)

EDITS = {
    "a line of the source": "UPDATE line_items SET quantity = 9, total_amount_cents = 1, "
    "updated_at = :later WHERE id = :plain_origin",
    "one more line of the source": _NEW_LINE.format("plain_source"),
    "an option of the source": "UPDATE line_item_options SET name = '?', updated_at = :later "
    "WHERE line_item_id = :plain_origin",
    "the source order": "UPDATE orders SET status = 'cancelled', cancelled_at = :later, "
    "coupon_code = '?', customer_id = NULL, customer_email = NULL, billing_address_id = NULL, "
    "payment_source_id = NULL, updated_at = :later WHERE id = :plain_source",
    "the source's address": "UPDATE addresses SET city = '?', updated_at = :later "
    "WHERE id = :plain_source_billing",
    "the saved payment source": "UPDATE payment_sources SET expires_at = :long_ago, "
    "updated_at = :later WHERE id = :plain_saved",
    "the customer's email": "UPDATE customers SET email = 'new@shop.example', "
    "updated_at = :later WHERE id = :nameless_customer",
    "a payment source that was saved later": "INSERT INTO customer_payment_sources "
    "(customer_id, payment_source_id, created_at, updated_at) "
    "VALUES (:unsaved_customer, :unsaved_source_payment, :later, :later)",
    "a line of the target": "UPDATE line_items SET name = '?', updated_at = :later "
    "WHERE id = :plain_line",
    "one more line of the target": f"{_NEW_LINE.format('plain_target')};"
    "UPDATE orders SET updated_at = :later WHERE id = :plain_target",
    "one line less of the target": "DELETE FROM line_items WHERE id = :free_line;"
    "UPDATE orders SET updated_at = :later WHERE id = :free_target",
    "the target order": "UPDATE orders SET status = 'approved', approved_at = :later, "
    "payment_status = 'paid', reference = 'A1', guest = true, updated_at = :later "
    "WHERE id = :placed_target",
    "the target order, cancelled": "UPDATE orders SET status = 'cancelled', "
    "cancelled_at = :later, updated_at = :later WHERE id = :placed_target",
    "the target order, placed later": "UPDATE orders SET status = 'placed', number = 'OF1', "
    "placed_at = :later, updated_at = :later WHERE id = :plain_target",
    "the target's address": "UPDATE addresses SET city = '?', updated_at = :later "
    "WHERE id = :plain_billing",
    "the target's payment source": "UPDATE payment_sources SET name = '?', "
    "expires_at = :long_ago, updated_at = :later WHERE id = :plain_payment",
}


@pytest.mark.parametrize("edit", EDITS)
def test_verify_accepts_edits_of_the_shop(edit, mixed):
    with mixed.damaged(EDITS[edit]) as db:
        verification = verify(db)

    assert [each for each in verification.invariants if each.violations] == []


def test_the_copies_that_are_compared_in_part_are_counted(mixed):
    edits = (
        "UPDATE orders SET updated_at = :later WHERE id IN (:plain_source, :plain_target);"
        "UPDATE orders SET updated_at = :later WHERE id = :placed_target;"
        "UPDATE orders SET updated_at = :later WHERE id = :failed_source"
    )

    with mixed.damaged(edits) as db:
        verification = verify(db)

    assert (verification.copies, verification.edited_copies) == (26, 4)
