"""Settings of the gateways, read from the environment, then from a `.env` file."""

from functools import lru_cache
from typing import Annotated

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

_Concurrency = Annotated[int, Field(ge=1, le=256)]
_Rate = Annotated[float, Field(ge=0, le=10_000)]


def _config(prefix: str) -> SettingsConfigDict:
    return SettingsConfigDict(
        env_prefix=prefix, env_file=".env", env_file_encoding="utf-8", extra="ignore"
    )


class TestGatewaySettings(BaseSettings):
    """Settings of the gateway `test`, which moves no money."""

    __test__ = False  # the name is no test's
    model_config = _config("ORDER_FACTORY_TEST_GATEWAY_")

    latency_ms: Annotated[int, Field(ge=0, le=60_000)] = 0
    concurrency: _Concurrency = 16
    calls_per_second: _Rate = 0.0
    ledger: str | None = Field(
        default=None,
        description="File for the gateway's records. Without it, they are kept in memory.",
    )


class StripeSettings(BaseSettings):
    """Settings of the gateway `stripe`, which exists only with an `api_key`."""

    model_config = _config("ORDER_FACTORY_STRIPE_")

    api_key: SecretStr | None = None
    api_base: str | None = Field(default=None, description="Address to use in place of Stripe's.")
    concurrency: _Concurrency = 16
    calls_per_second: _Rate = 20.0
    timeout_seconds: Annotated[float, Field(gt=0, le=300)] = 30.0


@lru_cache
def test_gateway_settings() -> TestGatewaySettings:
    return TestGatewaySettings()


@lru_cache
def stripe_settings() -> StripeSettings:
    return StripeSettings()
