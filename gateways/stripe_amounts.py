"""The amounts that Stripe accepts: ISO 4217's exponents, and Stripe's exceptions from them.

Source: Stripe's documentation, supported currencies (zero-decimal, three-decimal, special cases).
The forint and the Taiwan dollar are exceptions for payouts only, and nothing is paid out here.
"""

from order_factory.models.values.money import format_money, get_exponent

# Stripe expects these without decimals, also where ISO 4217 has some.
ZERO_DECIMAL = frozenset(
    ("BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF")
    + ("VND", "VUV", "XAF", "XOF", "XPF")
)
# ISO 4217 gives these no decimals. Stripe expects them in hundredths, in whole units only.
WHOLE_IN_HUNDREDTHS = frozenset(("ISK", "UGX"))
# In thousandths, and the last digit must be 0.
THREE_DECIMAL = frozenset(("BHD", "JOD", "KWD", "OMR", "TND"))


class AmountNotSupported(Exception):
    """Stripe cannot charge the amount. Takes a code for programs and a sentence for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code, self.message = code, message


def convert_to_stripe_amount(cents: int, currency_code: str) -> int:
    """Convert `cents`, in the smallest unit by ISO 4217, to the unit that Stripe expects.

    Raises `AmountNotSupported` if Stripe does not accept the currency or so fine an amount.
    """
    try:
        exponent = get_exponent(currency_code)
    except ValueError:
        exponent = None
    if currency_code in ZERO_DECIMAL:
        stripe_exponent = 0
    elif currency_code in WHOLE_IN_HUNDREDTHS:
        stripe_exponent = 2
    elif currency_code in THREE_DECIMAL:
        stripe_exponent = 3
    elif exponent == 2:
        return cents
    else:
        raise AmountNotSupported(
            "currency_not_supported", f"Stripe accepts no payments in {currency_code}."
        )
    assert exponent is not None
    # From ISO 4217's decimals to Stripe's.
    amount, remainder = divmod(cents * int(10**stripe_exponent), int(10**exponent))
    if currency_code in THREE_DECIMAL:
        remainder += amount % 10
    if remainder:
        raise AmountNotSupported(
            "amount_not_supported",
            f"Stripe accepts {currency_code} in steps of {_compute_smallest_step(stripe_exponent)} only. The amount is "
            f"{format_money(cents, currency_code)}.",
        )
    return amount


def _compute_smallest_step(decimals: int) -> str:
    return "0.010" if decimals == 3 else "1"
