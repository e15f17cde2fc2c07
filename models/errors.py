"""The errors of calls. The errors of an order are data: see `CopyError`."""

import os
from typing import ClassVar


def describe_os_error(error: OSError) -> str:
    """Why a file could not be read or written, such as `No space left on device`."""
    # Libraries put text of their own into `strerror`, or leave it empty.
    if error.errno:
        return os.strerror(error.errno)
    return error.strerror or type(error).__name__


class OrderFactoryError(Exception):
    """A call failed, and nothing was changed.

    It is built from plain values in `args`, so that it survives pickling. `status` is the HTTP
    status, and `code` is the machine-readable name.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "order_factory_error"
    detail: ClassVar[str] = "{}"

    def __str__(self) -> str:
        return self.detail.format(*self.args)


class DatabaseNotReady(OrderFactoryError):
    status, code = 503, "database_not_ready"
    detail = "The database at {} is not ready: {}."


class DatabaseAway(DatabaseNotReady):
    """The database is not running, is restarting, or has another address."""


class PrefectAway(OrderFactoryError):
    """The arguments are the request to Prefect's server, and how it failed."""

    status, code = 503, "prefect_away"
    detail = (
        "Prefect's server does not answer {} ({}). All copies and payments that were made are "
        "saved. Run the same command again when the server runs: it continues from there."
    )


class TryAgain(OrderFactoryError):
    """A transient error of the database. The transaction is rolled back and run again."""

    status, code = 503, "try_again"
    detail = (
        "The database could not finish the transaction ({}). Run it again; nothing is done twice."
    )


class ConnectionLost(OrderFactoryError):
    """The connection was lost repeatedly. The last commit may have succeeded."""

    status, code = 503, "connection_lost"
    detail = (
        "The connection to the database was lost, and it is unknown whether the last transaction "
        "was committed. Run the same command again: it continues from what was committed. A single "
        "copy is only found again if it has a --reference or an --idempotency-key."
    )


class DatabaseRefused(OrderFactoryError):
    """The argument is the database's message, without any value of a row."""

    status, code = 500, "database_refused"
    detail = "The database refused a statement ({}). Its transaction was rolled back."


class InvalidRequest(OrderFactoryError):
    """A value of the request is invalid. The message says which one, and what to give instead."""

    status, code = 422, "invalid_request"


class SourceOrderNotFound(OrderFactoryError):
    """Takes the name, the mode, and optionally a hint where the order may be."""

    status, code = 404, "source_order_not_found"
    detail = "No {1} order has the id or number {0!r}; `order-factory orders` lists them."

    def __str__(self) -> str:
        name, mode, *hints = self.args
        if not hints:
            return super().__str__()
        return f"No {mode} order has the id or number {name!r}; {hints[0]}"


class SourceOrderAmbiguous(OrderFactoryError):
    status, code = 422, "source_order_ambiguous"
    detail = "The number {!r} belongs to more than one order (ids {}); give the id instead."


class SelectionInvalid(OrderFactoryError):
    """Rows of a selection are invalid, and nothing was copied. The message lists the first ones.

    The arguments are the name of the selection, and the list of problems of its rows.
    """

    status, code = 422, "selection_invalid"
    shown: ClassVar[int] = 20
    not_done: ClassVar[str] = "nothing was copied"

    def __init__(self, source: str, problems: list[str]) -> None:
        super().__init__(source, problems)

    def __str__(self) -> str:
        source, problems = self.args[:2]
        more = len(problems) - self.shown
        lines = [*problems[: self.shown], *([f"... and {more} more"] if more > 0 else [])]
        return f"{source} cannot be used, and {self.not_done}:\n  " + "\n  ".join(lines)


class RowsInvalid(SelectionInvalid):
    """Rows of a large file are invalid, and nothing was copied. The message lists the first ones.

    The arguments are the file, the first problems, and the number of all problems.
    """

    def __init__(self, source: str, problems: list[str], count: int) -> None:
        super().__init__(source, problems)
        self.args = (source, problems, count)


class OrdersInvalid(SelectionInvalid):
    """Rows of orders to place, capture, cancel or refund are invalid, and nothing was changed."""

    not_done = "nothing was changed"


class NothingSelected(SelectionInvalid):
    """No order matches the filter, or no copy has failed: there is nothing to copy."""

    code = "nothing_selected"


class NothingNamed(OrderFactoryError):
    """Takes the name, the mode, and optionally a hint where the order may be."""

    status, code = 404, "not_found"
    detail = (
        "No {1} order and no order factory has the number or id {0!r}; `order-factory orders` and "
        "`order-factory factories` list them."
    )

    def __str__(self) -> str:
        name, mode, *hints = self.args
        if not hints:
            return super().__str__()
        return f"No {mode} order and no order factory has the number or id {name!r}; {hints[0]}"


class FactoryNotFound(OrderFactoryError):
    status, code = 404, "order_factory_not_found"
    detail = "No order factory has the id {!r}."


class CopyDiffers(OrderFactoryError):
    """The arguments are the existing factory, its name, and its difference from the request."""

    status, code = 409, "idempotency_key_reused"
    detail = (
        "Order factory {} already exists under the {}, but {}. Use another name. To make another "
        "copy under the same reference, use again=True (--again)."
    )


class FactoryTaken(OrderFactoryError):
    status, code = 409, "order_factory_taken"
    detail = "Order factory {} is being copied by another run, which will finish it."


class PaymentUnknown(OrderFactoryError):
    """A gateway did not answer, so it is unknown whether the order is paid.

    The arguments are the factory's public id, and the problems with the gateway.
    """

    status, code = 503, "payment_unknown"

    def __init__(self, factory: str, problems: list[str]) -> None:
        super().__init__(factory, problems)

    def __str__(self) -> str:
        factory, problems = self.args
        return (
            f"{'; '.join(problems)}. To continue, run `order-factory copy --order-factory-id "
            f"{factory}`; nothing is paid twice."
        )


class AddressOfPlacedOrder(OrderFactoryError):
    """The argument is the public id of the address."""

    status, code = 423, "address_of_placed_order"
    detail = (
        "Address {} cannot be changed, because an order was placed with it. Create another address "
        "for the orders that are still open."
    )


class FactoryInProgress(OrderFactoryError):
    status, code = 423, "order_factory_in_progress"
    detail = "Order factory {} is being copied and cannot be deleted before it ends."


class FactoryOfBatch(OrderFactoryError):
    status, code = 423, "order_factory_of_batch"
    detail = "Order factory {} cannot be deleted, because its batch counts it."


class FactoryRetried(OrderFactoryError):
    status, code = 423, "order_factory_retried"
    detail = "Order factory {} cannot be deleted before the one that retried it."


class BatchNotFound(OrderFactoryError):
    status, code = 404, "order_factory_batch_not_found"
    detail = "No batch has the reference {!r}; `order-factory batches` lists them."


class SubscriptionNotFound(OrderFactoryError):
    status, code = 404, "order_subscription_not_found"
    detail = (
        "No order subscription has the id or number {!r}; `order-factory subscriptions list` "
        "lists them."
    )


class CannotTransition(OrderFactoryError):
    """The status cannot change as requested.

    The arguments are the current status, the requested status, and optionally a reason.
    """

    status, code = 422, "cannot_transition"

    def __str__(self) -> str:
        before, after, *reason = self.args
        return f"cannot transition from {before} to {after}" + "".join(
            f": {each}" for each in reason
        )


class SubscriptionHasCopies(OrderFactoryError):
    status, code = 423, "order_subscription_has_copies"
    detail = "Order subscription {} cannot be deleted, because it has copies. Cancel it instead."


class LastSubscriptionItem(OrderFactoryError):
    status, code = 423, "order_subscription_item_is_last"
    detail = (
        "Order subscription item {} cannot be deleted, because it is the last one: without items, "
        "the whole source order would be copied. Cancel the subscription instead."
    )


class CannotListen(OrderFactoryError):
    status, code = 503, "cannot_listen"
    detail = "{} cannot be used to listen on ({}). Choose another one with --host or --port."


class WebhookNotFound(OrderFactoryError):
    status, code = 404, "webhook_not_found"
    detail = "No webhook has the id {!r}; `order-factory webhooks list` lists them."


class ApiTokenNotFound(OrderFactoryError):
    status, code = 404, "api_token_not_found"
    detail = "No API token has the handle {!r}; `order-factory token list` lists them."
