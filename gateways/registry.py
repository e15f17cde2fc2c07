"""Which gateways there are, as this process is set up, and on which terms."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec

from order_factory.gateways.limits import CallLimits
from order_factory.gateways.manual import ManualGateway
from order_factory.gateways.protocol import Gateway, GatewayTerms
from order_factory.gateways.settings import stripe_settings, test_gateway_settings
from order_factory.gateways.testing import TestGateway
from order_factory.models.values.statuses import Mode

# What an order is paid by whose payment source and payment method name no gateway.
DEFAULT = ManualGateway.name


@dataclass(frozen=True)
class KnownGateway:
    """A gateway that can be used, made when it is first asked for."""

    terms: GatewayTerms
    open: Callable[[], Gateway]


@lru_cache
def known_gateways() -> dict[str, KnownGateway]:
    """Those that are set up, by the name that payment sources and payment methods give them."""
    known = {
        ManualGateway.name: KnownGateway(
            GatewayTerms(modes=frozenset(Mode), remote=False), ManualGateway
        ),
        TestGateway.name: KnownGateway(_test_terms(), _open_test),
    }
    key = stripe_settings().api_key
    if key is not None and find_spec("stripe") is not None:
        known["stripe"] = KnownGateway(_stripe_terms(key.get_secret_value()), _open_stripe)
    return known


@lru_cache
def gateway(name: str) -> Gateway:
    """The gateway of this name, the same for all who ask."""
    return known_gateways()[name].open()


@lru_cache
def limits_of(name: str) -> CallLimits:
    """The limits of the gateway of this name, which hold for all calls of this process."""
    terms = known_gateways()[name].terms
    return CallLimits(terms.concurrency, terms.calls_per_second)


def forget_gateways() -> None:
    """Read the settings anew when next asked."""
    for remembered in (known_gateways, gateway, limits_of, stripe_settings, test_gateway_settings):
        remembered.cache_clear()


def not_set_up(name: str) -> str:
    """What to do about a gateway that is not there."""
    if name == "stripe" and find_spec("stripe") is None:
        return "install it with `pip install 'order-factory[stripe]'`"
    if name == "stripe":
        return "set ORDER_FACTORY_STRIPE_API_KEY"
    return f"there are {', '.join(sorted({*known_gateways(), 'stripe'}))}"


def _test_terms() -> GatewayTerms:
    settings = test_gateway_settings()
    return GatewayTerms(
        modes=frozenset(Mode),  # only a payment source that names it is "paid" by it
        concurrency=settings.concurrency,
        calls_per_second=settings.calls_per_second,
    )


def _open_test() -> Gateway:
    settings = test_gateway_settings()
    return TestGateway(settings.latency_ms, settings.ledger)


def _stripe_terms(api_key: str) -> GatewayTerms:
    settings = stripe_settings()
    live = "_live_" in api_key
    return GatewayTerms(
        modes=frozenset({Mode.LIVE if live else Mode.TEST}),
        concurrency=settings.concurrency,
        calls_per_second=settings.calls_per_second,
        # Stripe's search lags behind by up to a minute, longer during an outage.
        lookup_delay_seconds=3600.0,
    )


def _open_stripe() -> Gateway:
    from order_factory.gateways.stripe import StripeGateway  # an optional extra, and slow to import

    return StripeGateway(stripe_settings())
