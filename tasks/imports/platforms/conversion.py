"""Convert an exported order to the rows of an import: the order, its lines and its addresses."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel

from order_factory.models.requests.platform_formats import AddressPart, PlatformFormat, ValueOf
from order_factory.models.values.codes import find_currency_problem
from order_factory.models.values.money import format_money, get_exponent
from order_factory.models.values.statuses import CustomerStatus, ItemType, OrderStatus
from order_factory.tasks.imports.platforms.amount_matching import (
    AmountsDiffer,
    Discounts,
    HeaderAmounts,
    match_amounts,
)
from order_factory.tasks.imports.platforms.decimal_amounts import (
    AmountError,
    divide,
    parse_amount,
    parse_percent,
    parse_pieces,
    whole_cents,
)
from order_factory.tasks.imports.platforms.order_rows import (
    OrderRows,
    read_first_text,
    read_first_value,
    read_mapped_text,
)
from order_factory.tasks.imports.platforms.values import (
    ValueProblem,
    divide_name,
    is_no,
    read_time,
    translate_value,
)
from order_factory.tasks.imports.platforms.wide_rows import shown_name
from order_factory.tasks.imports.rejects import Reject
from order_factory.tasks.row_files.records import Record

T = TypeVar("T")

_TAXED = (ItemType.SHIPMENTS, ItemType.ADJUSTMENTS)
_ZERO = re.compile(r"[^1-9]*0[^1-9]*")

_ADDRESSES = ("billing_address", "shipping_address")
_PLAIN = (
    "reference",
    "market_name",
    "language_code",
    "coupon_code",
    "gift_card_code",
    "payment_method",
)
_NO_ORDER = (
    "has a row without the currency and the total of the order; put all rows of an order together, "
    "and first the row that has them"
)
_NO_CURRENCY = (
    "is required; export this column, or write the currency into a mapping of your own, like "
    "currency_code: {value: EUR}"
)


# Values whose name in the mapping differs.
_NAMES_IN_PARTS = {"code": "sku_code", "email": "customer"}


class Row(NamedTuple):
    """A row for an import, the row of the file that it is from, and its part of the mapping."""

    read: Record
    values: dict[str, Any]
    part: BaseModel

    @property
    def line(self) -> int:
        return self.read.line

    def find_column(self, name: str) -> str:
        """The file's column for this value; the value's own name without one."""
        given = getattr(self.part, _NAMES_IN_PARTS.get(name, name), None)
        columns = given.column if isinstance(given, ValueOf) else given
        if not isinstance(columns, tuple) or not columns:
            return name
        return name_column(columns, self.read)


@dataclass
class ConvertedOrder:
    """The rows of one order by resource, or the problems that prevent its import.

    `row_count` counts the rows of the file, and `goods` those with goods.
    """

    line: int
    row_count: int = 1
    goods: int = 0
    rows: dict[str, list[Row]] = field(default_factory=dict)
    problems: list[Reject] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Return the number of its rows; 1 if there are none."""
        return sum(map(len, self.rows.values())) or 1


@dataclass
class _Goods:
    """A line of goods with its exact amounts in cents."""

    record: Record
    values: dict[str, Any]
    total: Decimal
    tax: Decimal | None
    discount: Decimal
    is_taxable: bool
    ships: bool | None
    unit: Decimal | None
    pieces: int


class _Sums(NamedTuple):
    """The lines of an order, what the goods cost in whole cents, and how the header adds up."""

    goods: list[_Goods]
    others: list[_Goods]
    cents: list[int]
    amounts: HeaderAmounts
    matched: Discounts


def convert_order(form: PlatformFormat, rows: OrderRows) -> ConvertedOrder:
    """Return the order's rows, whose amounts add up to the cent, or all of its problems."""
    if rows.problem is not None:
        return ConvertedOrder(rows.line, problems=[Reject(rows.line, "", rows.problem)])
    return _Conversion(form, rows).convert()


class _Conversion:
    """The conversion of one order, and the problems that it finds."""

    def __init__(self, form: PlatformFormat, rows: OrderRows) -> None:
        self._form = form
        self._found = rows
        self._header = rows.header
        self._head = Record(rows.line, rows.header)
        self._result = ConvertedOrder(rows.line, rows.row_count)
        self._exponent = 2

    def convert(self) -> ConvertedOrder:
        records = self._records()
        self._result.goods = len(records)
        currency = self._currency()
        if currency is None:
            return self._result
        self._exponent = get_exponent(currency)
        order = self._order(currency)
        lines = [self._goods(each) for each in records]
        amounts = self._amounts(currency, lines)
        addresses = self._addresses(str(order["number"]))
        if self._result.problems or amounts is None:
            return self._result
        try:
            sums = self._settle(lines, amounts)
        except AmountsDiffer as error:
            columns = getattr(self._form.amounts, error.which)
            self._reject(self._head, columns, error.message)
            return self._result
        self._check_pieces([*sums.goods, *sums.others], amounts, currency)
        if self._result.problems:
            return self._result
        self._add_rows(order, sums, addresses)
        return self._result

    def _settle(self, lines: list[_Goods], amounts: HeaderAmounts) -> _Sums:
        """Divide the lines into goods and adjustments such as tips, and add all up.

        The file's subtotal may include the adjustments.
        """
        is_other = [self._is_adjustment(each) for each in lines]
        others = [each for each, other in zip(lines, is_other, strict=True) if other]
        goods = [each for each, other in zip(lines, is_other, strict=True) if not other]
        extra = sum(whole_cents([each.total for each in others]))
        cents = whole_cents([each.total for each in goods])
        more = replace(amounts, adjustments=amounts.adjustments + extra)
        try:
            return _Sums(goods, others, cents, more, match_amounts(sum(cents), more))
        except AmountsDiffer:
            if more.subtotal is None or not extra:
                raise
            more = replace(more, subtotal=more.subtotal - extra)
            return _Sums(goods, others, cents, more, match_amounts(sum(cents), more))

    def _check_pieces(self, lines: list[_Goods], amounts: HeaderAmounts, currency: str) -> None:
        """Refuse an order whose pieces cost less than the totals of its lines.

        The quantity may lack the pieces that were refunded. The prices may be rounded, and may be
        before or after discounts.
        """
        priced = [each for each in lines if each.unit is not None]
        rounding = Decimal(sum(abs(each.pieces) + 1 for each in priced)) / 2
        discount = max(amounts.discount, amounts.line_discounts)
        difference = sum(map(_missing, priced), Decimal(0))
        if difference <= rounding or abs(difference - discount) <= rounding:
            return
        worst = max(priced, key=_missing)
        total = format_money(int(worst.total), currency)
        self._reject(
            worst.record,
            self._form.line.quantity,
            f"is {worst.pieces}, and {worst.pieces} at this price do not cost {total}; export the quantity "
            "with the pieces that were refunded",
        )

    def _is_adjustment(self, line: _Goods) -> bool:
        """Whether the line is a tip. A product with such a name has a SKU, or is shipped."""
        values = line.values
        has_code = values["sku_code"] not in (None, values["name"])
        return self._is_once(values["name"]) and not has_code and not line.ships

    def _is_once(self, name: object) -> bool:
        return _word(str(name)) in {_word(each) for each in self._form.line.adjustments}

    def _records(self) -> list[Record]:
        """The rows that are lines of the order."""
        part, lines = self._form.line, list[Record]()
        for record in self._found.rows:
            if not self._is_line(record):
                continue
            sku = read_mapped_text(record.values, part.sku_code)
            if (
                part.ignore_free_repeats
                and lines
                and sku == read_mapped_text(lines[-1].values, part.sku_code)
                and self._is_free(record)
            ):
                continue
            lines.append(record)
        return lines

    def _is_line(self, record: Record) -> bool:
        line = self._form.line
        if read_first_value(record.values, line.ignore_with) is not None:
            return False
        quantity = read_first_text(record.values, line.quantity)
        if quantity is not None and _ZERO.fullmatch(quantity):  # taken off the order later
            return False
        columns = (*line.sku_code.column, *line.quantity, *line.unit_amount, *line.total)
        return read_first_value(record.values, columns) is not None

    def _is_free(self, record: Record) -> bool:
        line = self._form.line
        given = read_first_text(record.values, (*line.total, *line.unit_amount))
        return given is None or _ZERO.fullmatch(given) is not None

    def _reject(self, read: Record, columns: Sequence[str], message: str) -> None:
        named = name_column(columns, read, self._head)
        self._result.problems.append(Reject(read.line, named, message))

    def _currency(self) -> str | None:
        value = self._form.order.currency_code
        code = read_mapped_text(self._header, value)
        if code is None and read_first_value(self._header, self._form.amounts.total) is None:
            self._reject(self._head, self._form.order.number.column, _NO_ORDER)
            return None
        if code is None:
            self._reject(self._head, value.column, _NO_CURRENCY)
            return None
        problem = find_currency_problem(code.upper())
        if problem is not None:
            self._reject(self._head, value.column, problem)
            return None
        same = self._form.same_currency
        if same is not None and read_first_value(self._header, same.unless) is None:
            others = {self._header.get(name, code) for name in same.columns}
            if len(others) > 1:
                message = f"differs from {same.columns[-1]}; export {same.unless[0]} as well"
                self._reject(self._head, value.column, message)
                return None
        return code.upper()

    def _checked(
        self, columns: Sequence[str], convert: Callable[[], T], read: Record | None = None
    ) -> T | None:
        try:
            return convert()
        except (AmountError, ValueProblem) as error:
            self._reject(read or self._head, columns, str(error))
            return None

    def _meaning(self, value: ValueOf | None) -> str | None:
        columns = () if value is None else value.column
        return self._checked(columns, lambda: translate_value(self._header, value))

    def _time(self, value: ValueOf | None) -> Any:
        columns = () if value is None else value.column
        return self._checked(columns, lambda: read_time(self._form, self._header, value))

    def _order(self, currency: str) -> dict[str, Any]:
        """Return the order's values without amounts and addresses."""
        part = self._form.order
        order: dict[str, Any] = {
            name: read_mapped_text(self._header, getattr(part, name)) for name in _PLAIN
        }
        order |= {
            "number": read_mapped_text(self._header, part.number),
            "reference_origin": self._form.platform,
            "currency_code": currency,
            "customer": read_mapped_text(self._header, part.customer),
            "status": self._meaning(part.status),
            "payment_status": self._meaning(part.payment_status),
            "fulfillment_status": self._meaning(part.fulfillment_status),
            "placed_at": self._time(part.placed_at),
            "cancelled_at": self._time(part.cancelled_at),
        }
        if order["status"] is None and not self._result.problems:
            self._reject(self._head, part.status.column, "is required")
        if order["cancelled_at"] is not None:
            order["status"] = OrderStatus.CANCELLED.value
        metadata = {
            name: text
            for name, columns in self._form.metadata.items()
            if (text := read_first_text(self._header, columns)) is not None
        }
        order["metadata"] = metadata or None
        return order

    def _cents(self, columns: Sequence[str], read: Record | None = None) -> int | None:
        exact = self._exact(columns, read or self._head, whole=True)
        return None if exact is None else int(exact)

    def _exact(
        self, columns: Sequence[str], read: Record, *, whole: bool = False
    ) -> Decimal | None:
        given = read_first_value(read.values, columns)
        if given is None:
            return None
        return self._checked(
            columns, lambda: parse_amount(given, self._exponent, whole=whole), read
        )

    def _quantity(self, record: Record) -> int | None:
        columns = self._form.line.quantity
        given = read_first_text(record.values, columns)
        if given is None:
            self._reject(record, columns, "is required")
            return None
        return self._checked(columns, lambda: parse_pieces(given), record)

    def _goods(self, record: Record) -> _Goods:
        part, given = self._form.line, record.values
        quantity = self._quantity(record)
        unit = self._exact(part.unit_amount, record)
        total = self._exact(part.total, record)
        pieces = quantity or 0
        if total is None:
            if unit is None and not self._result.problems:
                self._reject(record, (*part.unit_amount, *part.total), "is required")
            total = (unit or Decimal(0)) * pieces
        discount = self._exact(part.discount, record) or Decimal(0)
        percent = read_first_text(given, part.tax_percent)
        return _Goods(
            record,
            {
                "sku_code": read_mapped_text(given, part.sku_code),
                "name": read_mapped_text(given, part.name),
                "quantity": pieces,
                "unit_amount_cents": _whole_unit(total, pieces),
                "compare_at_amount_cents": self._cents(part.compare_at_amount, record),
                "tax_rate": None
                if percent is None
                else self._checked(part.tax_percent, lambda: parse_percent(percent), record),
            },
            total,
            self._exact(part.tax, record),
            abs(discount),
            not is_no(read_first_text(given, part.taxable)),
            None if (ships := read_first_text(given, part.ships)) is None else not is_no(ships),
            unit,
            pieces,
        )

    def _amounts(self, currency: str, goods: list[_Goods]) -> HeaderAmounts | None:
        part = self._form.amounts
        total = self._cents(part.total)
        tax = self._cents(part.tax)
        subtotal = self._cents(part.subtotal)
        shipping = self._cents(part.shipping)
        discount = self._cents(part.discount)
        adjustments = [self._cents(columns) for columns in part.adjustments.values()]
        payments = [self._cents((name,)) for name in part.payments]
        if total is None:
            if read_first_value(self._header, part.total) is None:
                self._reject(self._head, part.total, "is required in the first row of an order")
            return None
        return HeaderAmounts(
            currency_code=currency,
            total=total + sum(abs(each or 0) for each in payments),
            tax=tax or 0,
            subtotal=subtotal,
            after_discounts=part.subtotal_is == "after_discounts",
            shipping=shipping or 0,
            discount=abs(discount or 0),
            adjustments=sum(each or 0 for each in adjustments),
            line_discounts=int(sum(each.discount for each in goods)),
        )

    def _addresses(self, number: str) -> dict[str, Row]:
        addresses = {}
        for name in _ADDRESSES:
            part = getattr(self._form, name)
            row = None if part is None else self._address(part, f"{number}-{name.split('_')[0]}")
            if row is not None:
                addresses[name] = row
        return addresses

    def _address(self, part: AddressPart, reference: str) -> Row | None:
        """Return the address; None without a street and a city, as in orders of downloads."""
        values = {
            name: read_mapped_text(self._header, getattr(part, name))
            for name in type(part).model_fields
            if name != "full_name"
        }
        if values["line_1"] is None and values["city"] is None:
            return None
        if values["first_name"] is None and values["last_name"] is None:
            full = read_mapped_text(self._header, part.full_name)
            values["first_name"], values["last_name"] = divide_name(full)
        own = {"reference": reference, "reference_origin": self._form.platform}
        return Row(self._head, values | own, part)

    def _add_rows(
        self,
        order: dict[str, Any],
        sums: _Sums,
        addresses: dict[str, Row],
    ) -> None:
        goods, _, cents, amounts, matched = sums
        lines = self._lines(order, sums)
        discount_total = matched.goods_discount + matched.shipping_discount
        total = sum(each.values["total_amount_cents"] for each in lines)
        order |= {
            "tax_included": matched.tax_included,
            "subtotal_amount_cents": sum(cents),
            "shipping_amount_cents": amounts.shipping,
            "discount_amount_cents": -discount_total,
            "adjustment_amount_cents": amounts.adjustments,
            "total_tax_amount_cents": amounts.tax,
            "total_amount_cents": total,
        }
        # Every copy needs a billing address. A free order only has a shipping address.
        if "shipping_address" in addresses:
            addresses.setdefault("billing_address", addresses["shipping_address"])
        order |= {name: row.values["reference"] for name, row in addresses.items()}
        ships_somewhere = "shipping_address" in addresses
        rows = {
            "customers": [self._customer(order)] if order["customer"] else [],
            "addresses": list(
                {row.values["reference"]: row for row in addresses.values()}.values()
            ),
            "skus": [self._sku(each, ships_somewhere) for each in goods if each.values["sku_code"]],
            "orders": [Row(self._head, order, self._form.order)],
            "line_items": lines,
        }
        self._result.rows = {
            name: [row._replace(values=_drop_none(row.values)) for row in found]
            for name, found in rows.items()
        }

    def _customer(self, order: dict[str, Any]) -> Row:
        values = {"email": order["customer"], "status": CustomerStatus.ACQUIRED.value}
        return Row(self._head, values, self._form.order)

    def _sku(self, goods: _Goods, ships_somewhere: bool) -> Row:
        ships = ships_somewhere if goods.ships is None else goods.ships
        values = {
            "code": goods.values["sku_code"],
            "name": goods.values["name"] or goods.values["sku_code"],
            "do_not_ship": not ships,
            "do_not_track": not self._form.track_stock,
        }
        return Row(goods.record, values, self._form.line)

    def _lines(self, order: dict[str, Any], sums: _Sums) -> list[Row]:
        """Return the lines of the order: its goods, and a line for each amount of the header."""
        goods, others, cents, amounts, matched = sums
        common = {"order_number": order["number"], "currency_code": order["currency_code"]}
        discounts = _line_discounts(goods, cents, matched.goods_discount)
        rows = [
            Row(
                each.record,
                {
                    **common,
                    **each.values,
                    "reference": str(position),
                    "item_type": ItemType.SKUS.value,
                    "total_amount_cents": total,
                    "discount_cents": -discount if matched.goods_discount else None,
                },
                self._form.line,
            )
            for position, (each, total, discount) in enumerate(
                zip(goods, cents, discounts, strict=True), start=1
            )
        ]
        rows += [
            Row(self._head, {**common, "quantity": 1, **values}, self._form.amounts)
            for values in self._other_lines(amounts, matched, others)
        ]
        if amounts.tax:
            for row, tax in zip(rows, self._taxes(sums, rows), strict=True):
                row.values["tax_amount_cents"] = tax
        return rows

    def _other_lines(
        self, amounts: HeaderAmounts, matched: Discounts, others: list[_Goods]
    ) -> list[dict[str, Any]]:
        part, header = self._form.amounts, self._header
        shipping = read_first_text(header, part.shipping_name) or "Shipping"
        discount = read_first_text(header, part.discount_name) or "Discount"
        lines = [
            ("shipping", ItemType.SHIPMENTS, shipping, amounts.shipping),
            ("discount", ItemType.EXTERNAL_PROMOTIONS, discount, -matched.goods_discount),
            (
                "shipping-discount",
                ItemType.FREE_SHIPPING_PROMOTIONS,
                discount,
                -matched.shipping_discount,
            ),
            *(
                (name, ItemType.ADJUSTMENTS, name, self._cents(columns) or 0)
                for name, columns in part.adjustments.items()
            ),
            *(
                (f"other-{index}", ItemType.ADJUSTMENTS, str(each.values["name"]), cents)
                for index, (each, cents) in enumerate(
                    zip(others, whole_cents([each.total for each in others]), strict=True), start=1
                )
            ),
        ]
        return [
            {
                "reference": reference,
                "item_type": kind.value,
                "name": name,
                "unit_amount_cents": cents,
                "total_amount_cents": cents,
                # The customer gave a tip for this order, and not for the next ones.
                "metadata": {"repeat": False} if self._is_once(name) else None,
            }
            for reference, kind, name, cents in lines
            if cents
        ]

    def _taxes(self, sums: _Sums, rows: list[Row]) -> list[int]:
        """Return the taxes of the lines, which add up to the order's taxes.

        If the file has no taxes of lines, the order's taxes are divided among the taxable goods and
        the shipping in proportion to their amounts after discounts.
        """
        goods, extra, _, amounts, matched = sums
        others = rows[len(goods) :]
        given = [each.tax for each in goods]
        if any(tax is not None for tax in given):
            taxes = whole_cents([tax or Decimal(0) for tax in given])
            other_taxes = self._other_taxes(others, amounts.tax - sum(taxes))
            if other_taxes is not None:
                return taxes + other_taxes
        untaxed = {_word(str(each.values["name"])) for each in extra if not each.is_taxable}
        is_taxed = [
            *(each.is_taxable for each in goods),
            *(_word(str(row.values["name"])) not in untaxed for row in others),
        ]
        weights = [
            max(row.values["total_amount_cents"] - _discount_of(row, matched), 0) if taxed else 0
            for row, taxed in zip(rows, is_taxed, strict=True)
        ]
        return divide(amounts.tax, weights)

    def _other_taxes(self, rows: list[Row], tax: int) -> list[int] | None:
        """Return the taxes of lines that are no goods; None if no line can have them.

        The file may have the shipping's own taxes. The others are those of the next amount.
        """
        taxes = [0] * len(rows)
        places = [index for index, row in enumerate(rows) if row.values["item_type"] in _TAXED]
        if tax == 0:
            return taxes
        if tax < 0 or not places:
            return None
        given = self._exact(self._form.amounts.shipping_tax, self._head)
        is_shipped = rows[places[0]].values["item_type"] == ItemType.SHIPMENTS
        shipping = tax
        if given is not None and is_shipped and len(places) > 1:
            (shipping,) = whole_cents([given])
        taxes[places[0]] = min(max(shipping, 0), tax)
        if len(places) > 1:
            taxes[places[1]] = tax - taxes[places[0]]
        return taxes


def name_column(columns: Sequence[str], *read: Record) -> str:
    """The first of the columns that one of the rows has, as the file names it; else the first."""
    for record in read:
        for name in columns:
            if name in record.values:
                return shown_name(name, record.values)
    return shown_name(columns[0], {}) if columns else ""


def _whole_unit(total: Decimal, pieces: int) -> int | None:
    """Return the price of one piece; None if it is not a whole number of cents."""
    unit = total / pieces if pieces else total
    return int(unit) if unit == unit.to_integral_value() and unit * pieces == total else None


def _missing(line: _Goods) -> Decimal:
    """Return what the line costs more than its pieces do."""
    return line.total - (line.unit or 0) * line.pieces


def _discount_of(row: Row, matched: Discounts) -> int:
    """Return what is taken off a line, above zero."""
    if row.values["item_type"] == ItemType.SHIPMENTS:
        return matched.shipping_discount
    return -(row.values.get("discount_cents") or 0)


def _line_discounts(goods: list[_Goods], cents: list[int], discount: int) -> list[int]:
    """Return the discount of each line. The sum is the discount on the order's goods.

    A discount that no line has is divided in proportion to what the lines cost without theirs.
    """
    given = whole_cents([each.discount for each in goods])
    remaining = discount - sum(given)
    if remaining < 0:
        return divide(discount, [max(each, 0) for each in cents])
    weights = [max(each - own, 0) for each, own in zip(cents, given, strict=True)]
    shares = divide(remaining, weights) if remaining else [0] * len(given)
    return [own + share for own, share in zip(given, shares, strict=True)]


def _word(text: str) -> str:
    return text.strip().casefold()


def _drop_none(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
