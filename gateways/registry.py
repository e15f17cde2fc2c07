"""The gateways that are configured in this process, and their terms."""

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

# The gateway of an order if neither its payment source nor its payment method names one.
DEFAULT = ManualGateway.name


@dataclass(frozen=True)
class KnownGateway:
    """A gateway that is configured. `open` makes it at its first use."""

    terms: GatewayTerms
    open: Callable[[], Gateway]


@lru_cache
def known_gateways() -> dict[str, KnownGateway]:
    """Return the configured gateways by name, as payment sources and methods write it."""
    known = {
        ManualGateway.name: KnownGateway(
            GatewayTerms(modes=frozenset(Mode), remote=False), ManualGateway
        ),
        TestGateway.name: KnownGateway(_make_test_terms(), _open_test_gateway),
    }
    key = stripe_settings().api_key
    if key is not None and find_spec("stripe") is not None:
        known["stripe"] = KnownGateway(_make_stripe_terms(key.get_secret_value()), _open_stripe)
    return known


@lru_cache
def gateway(name: str) -> Gateway:
    """Return the gateway of this name; all callers share one."""
    return known_gateways()[name].open()


@lru_cache
def get_limits(name: str) -> CallLimits:
    """Return the limits of this gateway; all calls of this process share them."""
    terms = known_gateways()[name].terms
    return CallLimits(terms.concurrency, terms.calls_per_second)


def forget_gateways() -> None:
    """Clear the caches. The next call reads the settings again."""
    for cached in (known_gateways, gateway, get_limits, stripe_settings, test_gateway_settings):
        cached.cache_clear()


def setup_hint(name: str) -> str:
    """Return the advice for a gateway that is not configured."""
    if name == "stripe" and find_spec("stripe") is None:
        return "install it with `pip install 'order-factory[stripe]'`"
    if name == "stripe":
        return "set ORDER_FACTORY_STRIPE_API_KEY"
    return f"use one of {', '.join(sorted({*known_gateways(), 'stripe'}))}"


def _make_test_terms() -> GatewayTerms:
    settings = test_gateway_settings()
    return GatewayTerms(
        modes=frozenset(Mode),  # it pays only for payment sources that name it
        concurrency=settings.concurrency,
        calls_per_second=settings.calls_per_second,
    )


def _open_test_gateway() -> Gateway:
    settings = test_gateway_settings()
    return TestGateway(settings.latency_ms, settings.ledger)


def _make_stripe_terms(api_key: str) -> GatewayTerms:
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
