"""Where the shop's database is; read from the environment, then from a `.env` file."""

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Settings of the order factory; every name has the prefix `ORDER_FACTORY_`."""

    model_config = SettingsConfigDict(
        env_prefix="ORDER_FACTORY_", env_file=".env", env_file_encoding="utf-8", extra="ignore"
    )

    database_url: str = Field(
        default="sqlite:///var/order_factory.db",
        description="SQLAlchemy URL of the shop's database: sqlite:///PATH or postgresql://...",
    )
    payment_source_fallback: Literal["off", "newest_valid"] = Field(
        default="off",
        description="What pays where a saved payment source is gone or expired, unless a copy or a "
        "subscription says it: nothing, or the customer's newest valid one.",
    )
    api_public_url: str | None = Field(
        default=None, description="How the HTTP API is reached; runs then link to what they made."
    )
