"""The copy options and their values as pydantic models: base classes of requests and results."""

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, create_model

from order_factory.models.values.copy_options import COPY_OPTIONS, EVERY_OPTION


def _make_fields(*, of_subscriptions: bool) -> dict[str, Any]:
    return {
        option.name: (
            option.annotation,
            Field(
                default=option.default_of_subscriptions if of_subscriptions else option.default,
                title=option.title,
                description=option.description,
            ),
        )
        for option in (COPY_OPTIONS if of_subscriptions else EVERY_OPTION)
    }


if TYPE_CHECKING:

    class CopyOptionValues(BaseModel):
        """A field for each copy option. Type checkers do not see these fields."""

    class SubscriptionOptionValues(CopyOptionValues):
        """The same with the defaults of subscriptions."""

else:
    _FROZEN = ConfigDict(frozen=True)
    CopyOptionValues = create_model(
        "CopyOptionValues", __config__=_FROZEN, **_make_fields(of_subscriptions=False)
    )
    SubscriptionOptionValues = create_model(
        "SubscriptionOptionValues", __config__=_FROZEN, **_make_fields(of_subscriptions=True)
    )
