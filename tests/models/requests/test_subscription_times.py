"""A start without a zone is the time of the subscription's zone."""

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from order_factory.models.requests.subscriptions import SubscriptionOptions


def test_with_a_time_zone_a_time_without_one_is_that_zones():
    options = SubscriptionOptions(
        frequency="monthly", time_zone="Europe/Rome", starts_at="2027-01-31 09:00"
    )

    assert options.starts_at == datetime(2027, 1, 31, 8, tzinfo=UTC)


def test_without_a_time_zone_a_time_without_one_is_refused():
    with pytest.raises(ValidationError, match="timezone"):
        SubscriptionOptions(frequency="monthly", starts_at="2027-01-31 09:00")
