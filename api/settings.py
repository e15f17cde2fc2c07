"""Settings of the HTTP service, read from the environment, then from a `.env` file."""

from functools import lru_cache
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from order_factory.api.rate_limits import parse_limits


class ApiSettings(BaseSettings):
    """Settings of the service; every name has the prefix `ORDER_FACTORY_API_`."""

    model_config = SettingsConfigDict(
        env_prefix="ORDER_FACTORY_API_", env_file=".env", env_file_encoding="utf-8", extra="ignore"
    )

    public_url: str | None = Field(
        default=None,
        description="URL of the service for clients. Default: the host of the request.",
    )
    organization_id: str = Field(default="order-factory", description="`meta.organization_id`.")
    default_currency_code: str = Field(
        default="EUR",
        pattern="^[A-Z]{3}$",
        description="Currency of an order that is created without one.",
    )
    rate_limits: str = Field(
        default="1000/10 12000/300",
        description="Limits per token, as REQUESTS/SECONDS. Empty: no limit.",
    )
    wrong_token_limits: str = Field(
        default="60/10 300/300",
        description="Limits of wrong tokens per address, as REQUESTS/SECONDS.",
    )
    head_limit: int = Field(default=65_536, ge=1_024, description="Most bytes of a request's head.")
    head_seconds: float = Field(default=10.0, gt=0, description="Most seconds to receive a head.")
    body_seconds: float = Field(
        default=30.0,
        gt=0,
        description="Most seconds to receive a body, or to wait for more of an upload.",
    )
    body_limit: int = Field(default=1_048_576, ge=1, description="Most bytes of a request's body.")
    upload_limit: int = Field(
        default=268_435_456, ge=1, description="Most bytes of an upload: a file with its fields."
    )
    upload_seconds: float = Field(
        default=600.0, gt=0, description="Most seconds to receive an upload."
    )
    uploads: int = Field(
        default=4, ge=1, le=64, description="Most concurrent uploads. A token may use half of them."
    )
    filter_limit: int = Field(default=10_000, ge=1, description="Most characters of a filter.")
    query_limit: int = Field(default=32_768, ge=1, description="Most bytes of a query string.")
    include_depth: int = Field(
        default=5, ge=1, description="Most relationships in an include path."
    )
    include_limit: int = Field(default=5_000, ge=1, description="Most included resources.")
    query_seconds: float = Field(
        default=10.0, gt=0, description="Most seconds for the queries of a read."
    )
    threads: int = Field(
        default=6, ge=1, le=64, description="Most concurrent reads. A token may use half of them."
    )
    one_processor: bool = Field(
        default=True,
        description="Keep the threads that answer requests on one processor, which halves their "
        "work. Turn it off where other programs are bound to the same processors.",
    )
    idempotency_hours: int = Field(
        default=24, ge=1, description="Hours for which an Idempotency-Key is stored."
    )
    cors_origins: Annotated[list[str], NoDecode] = Field(
        default=[], description="Origins of allowed browsers, comma-separated. Empty: no CORS."
    )
    jwt_issuer: str | None = Field(default=None, description="Issuer (`iss`) of accepted JWTs.")
    jwt_audience: str | None = Field(default=None, description="Audience (`aud`) of accepted JWTs.")
    jwt_keys: str | None = Field(
        default=None, description="The issuer's keys: URL of a JWKS, or path of a public PEM key."
    )
    dispatch: bool = Field(default=True, description="Copy pending orders in this process.")
    dispatch_seconds: float = Field(
        default=2.0, gt=0, description="Seconds between searches for pending orders."
    )
    dispatch_size: int = Field(default=2_000, ge=1, description="Most orders in one transaction.")
    dispatch_deployment: str | None = Field(
        default=None,
        description="Deployment (`drain-order-factories/drain`) that copies on a work pool instead.",
    )

    dispatch_event: bool = Field(
        default=False,
        description="Publish the event order_factories.create instead, which starts a deployment.",
    )

    dispatch_webhooks: bool = Field(default=True, description="Deliver webhooks in this process.")

    @field_validator("rate_limits", "wrong_token_limits")
    @classmethod
    def _check_limits(cls, value: str) -> str:
        parse_limits(value)
        return value

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return [part.strip() for part in value.split(",") if part.strip()]


@lru_cache(maxsize=1)
def api_settings() -> ApiSettings:
    """Return the settings of this process, which are read once."""
    return ApiSettings()
