"""Settings of webhooks, read from the environment, then from a `.env` file."""

from functools import lru_cache
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

_Seconds = Annotated[float, Field(gt=0, le=86_400)]


class WebhookSettings(BaseSettings):
    """Settings of webhooks; every name has the prefix `ORDER_FACTORY_WEBHOOK_`."""

    model_config = SettingsConfigDict(
        env_prefix="ORDER_FACTORY_WEBHOOK_",
        env_file=".env",
        env_file_encoding="utf-8",
        extra="ignore",
    )

    allow_private_addresses: bool = Field(
        default=False,
        description="Send to private, loopback and link-local addresses, too.",
    )
    answer_seconds: _Seconds = Field(
        default=5.0, description="Most seconds for a receiver to answer."
    )
    tries: int = Field(default=10, ge=1, le=30, description="Most tries of a delivery.")
    first_pause_seconds: _Seconds = Field(
        default=10.0,
        description="Seconds before the second try. Each later pause is three times as long.",
    )
    failures_to_open: int = Field(
        default=30, ge=1, description="Failures in a row that open the circuit."
    )
    trial_seconds: _Seconds = Field(
        default=60.0,
        description="Seconds until an open circuit sends a trial. Doubled each time, to an hour.",
    )
    concurrency: int = Field(
        default=16, ge=1, le=256, description="Most simultaneous deliveries to one receiver."
    )
    rotation_hours: float = Field(
        default=24.0, ge=0, description="Hours for which a rotated secret remains valid."
    )
    log_days: float = Field(
        default=7.0, gt=0, description="Days for which finished deliveries are stored."
    )
    poll_seconds: _Seconds = Field(
        default=1.0, description="Seconds between searches for events to deliver."
    )


@lru_cache(maxsize=1)
def webhook_settings() -> WebhookSettings:
    """Return the settings of this process, which are read once."""
    return WebhookSettings()
