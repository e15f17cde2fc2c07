"""A start without a zone is the time of the subscription's zone."""

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from order_factory.models.requests.subscriptions import SubscriptionOptions


def test_a_time_without_a_zone_is_in_the_zone_of_the_mapping():
    options = SubscriptionOptions(
        frequency="monthly", time_zone="Europe/Rome", starts_at="2027-01-31 09:00"
    )

    assert options.starts_at == datetime(2027, 1, 31, 8, tzinfo=UTC)


def test_a_time_without_a_zone_needs_a_zone_in_the_mapping():
    with pytest.raises(ValidationError, match="timezone"):
        SubscriptionOptions(frequency="monthly", starts_at="2027-01-31 09:00")
