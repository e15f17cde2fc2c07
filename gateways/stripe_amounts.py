"""The amounts that Stripe takes: ISO 4217's exponents, and Stripe's exceptions from them.

Source: Stripe's documentation, supported currencies (zero-decimal, three-decimal, special cases).
The forint and the Taiwan dollar are exceptions for payouts only, and nothing is paid out here.
"""

from order_factory.models.values.money import exponent_of, format_money

# Stripe takes these without decimals, whatever ISO 4217 says.
ZERO_DECIMAL = frozenset(
    ("BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF")
    + ("VND", "VUV", "XAF", "XOF", "XPF")
)
# Without decimals by ISO 4217, but Stripe wants them in hundredths, always whole units.
WHOLE_IN_HUNDREDTHS = frozenset(("ISK", "UGX"))
# In thousandths, and the last digit must be 0.
THREE_DECIMAL = frozenset(("BHD", "JOD", "KWD", "OMR", "TND"))


class AmountNotTaken(Exception):
    """Stripe cannot charge the amount. Takes a code for programs and a sentence for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code, self.message = code, message


def stripe_amount(cents: int, currency_code: str) -> int:
    """The amount as Stripe wants it. `cents` counts the smallest unit by ISO 4217.

    Raises `AmountNotTaken` where Stripe does not take the currency, or takes no amount as fine.
    """
    try:
        exponent = exponent_of(currency_code)
    except ValueError:
        exponent = None
    if currency_code in ZERO_DECIMAL:
        wanted = 0
    elif currency_code in WHOLE_IN_HUNDREDTHS:
        wanted = 2
    elif currency_code in THREE_DECIMAL:
        wanted = 3
    elif exponent == 2:
        return cents
    else:
        raise AmountNotTaken(
            "currency_not_supported", f"Stripe takes no payments in {currency_code}."
        )
    assert exponent is not None
    # Stripe's amount is that of the currency's whole units, in its own fractions.
    amount, rest = divmod(cents * int(10**wanted), int(10**exponent))
    if currency_code in THREE_DECIMAL:
        rest += amount % 10
    if rest:
        raise AmountNotTaken(
            "amount_not_supported",
            f"Stripe takes {currency_code} in steps of {_step(wanted)} only, and the amount is "
            f"{format_money(cents, currency_code)}.",
        )
    return amount


def _step(decimals: int) -> str:
    return "0.010" if decimals == 3 else "1"
