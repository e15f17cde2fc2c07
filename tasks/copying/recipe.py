"""The recipe: the steps that copy the orders of a transaction, in this order."""

from order_factory.tasks.copying.addresses import copy_addresses
from order_factory.tasks.copying.check_orders import check_orders
from order_factory.tasks.copying.customers import copy_customers
from order_factory.tasks.copying.gift_cards import use_gift_cards
from order_factory.tasks.copying.line_items import copy_line_items
from order_factory.tasks.copying.orders import copy_orders
from order_factory.tasks.copying.placement import place_target_orders
from order_factory.tasks.copying.prices import refresh_prices
from order_factory.tasks.copying.promotions import apply_promotions
from order_factory.tasks.copying.wallets import copy_wallets
from order_factory.tasks.outcomes.cancellation import cancel_source_orders
from order_factory.tasks.outcomes.completion import record_outcomes
from order_factory.tasks.working_set.step import StepFunction

# A list, so that a test can insert a step.
STEPS: list[StepFunction] = [
    check_orders,  # locks what copies compete for, such as stock; records all errors
    copy_customers,  # the customer of the source order
    copy_addresses,  # the billing and the shipping address, as new rows
    copy_wallets,  # the payment source that the customer saved
    copy_orders,  # the target order itself
    copy_line_items,  # the line items with their options
    refresh_prices,  # on request: today's prices
    apply_promotions,  # on request: today's promotions; counts the uses of coupons
    use_gift_cards,  # a line with the amount that the source's gift card pays
    place_target_orders,  # on request: reserves stock, takes gift cards, prepares the payment
    cancel_source_orders,  # on request: the copy replaces its source order
    record_outcomes,  # completed or failed, with the errors log and the events
]
