"""Where the shop's database is; read from the environment, then from a `.env` file."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from order_factory.models.values.kept_parts import clean_shop_metadata
from order_factory.models.values.line_rules import clean_shop_rules


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
    keep_metadata: Annotated[str, AfterValidator(clean_shop_metadata)] = Field(
        default="all",
        description="The metadata that copies keep, unless a copy or a subscription says it: all, "
        "none, or some keys, such as keys:color,size.",
    )
    keep_references: Literal["none", "all"] = Field(
        default="none",
        description="Whether copies keep the references of their sources' rows, unless a copy or a "
        "subscription says it.",
    )
    repeat_skus: Annotated[str, AfterValidator(clean_shop_rules)] = Field(
        default="none",
        description="SKUs whose lines copies leave out (once) or give today's price (recompute), "
        "unless a copy or a subscription says it: GIFT=once,FEE=recompute.",
    )
    api_public_url: str | None = Field(
        default=None, description="How the HTTP API is reached; runs then link to what they made."
    )
