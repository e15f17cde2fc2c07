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
        default=None, description="How clients reach the service; else the request's own host."
    )
    organization_id: str = Field(default="order-factory", description="`meta.organization_id`.")
    default_currency_code: str = Field(
        default="EUR", pattern="^[A-Z]{3}$", description="Of an order that is created without one."
    )
    rate_limits: str = Field(
        default="1000/10 12000/300",
        description="Requests of one token per seconds, several of them; empty for no limit.",
    )
    wrong_token_limits: str = Field(
        default="60/10 300/300", description="Wrong tokens from one address per seconds."
    )
    head_limit: int = Field(default=65_536, ge=1_024, description="Bytes of a request's head.")
    head_seconds: float = Field(default=10.0, gt=0, description="Time for a head to come.")
    body_seconds: float = Field(default=30.0, gt=0, description="Time for a body to come.")
    body_limit: int = Field(default=1_048_576, ge=1, description="Bytes of a request's body.")
    filter_limit: int = Field(default=10_000, ge=1, description="Characters of one filter.")
    query_limit: int = Field(default=32_768, ge=1, description="Bytes of a query string.")
    include_depth: int = Field(default=5, ge=1, description="Relationships in one include path.")
    include_limit: int = Field(default=5_000, ge=1, description="Resources that are included.")
    query_seconds: float = Field(default=10.0, gt=0, description="Time for the queries of a read.")
    threads: int = Field(
        default=6, ge=1, le=64, description="Requests that read at a time; half of them per token."
    )
    idempotency_hours: int = Field(
        default=24, ge=1, description="How long an Idempotency-Key is remembered."
    )
    cors_origins: Annotated[list[str], NoDecode] = Field(
        default=[], description="Origins of browsers that may call, comma-separated; none: no CORS."
    )
    jwt_issuer: str | None = Field(default=None, description="Issuer (`iss`) of accepted JWTs.")
    jwt_audience: str | None = Field(default=None, description="Audience (`aud`) they must have.")
    jwt_keys: str | None = Field(
        default=None, description="The issuer's keys: URL of a JWKS, or path of a public PEM key."
    )
    dispatch: bool = Field(default=True, description="Copy in this process what is pending.")
    dispatch_seconds: float = Field(
        default=2.0, gt=0, description="How often to look for what others have recorded."
    )
    dispatch_size: int = Field(default=2_000, ge=1, description="Copies in one transaction.")
    dispatch_deployment: str | None = Field(
        default=None,
        description="Deployment (`drain-order-factories/drain`) that copies on a work pool instead.",
    )

    dispatch_event: bool = Field(
        default=False,
        description="Publish the event order_factories.create instead, which starts a deployment.",
    )

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
    """The settings of this process, read once."""
    return ApiSettings()
