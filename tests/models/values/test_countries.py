from order_factory.models.values.countries import COUNTRY_CODES


def test_countries_are_those_of_iso_3166_and_kosovo():
    assert {"GB", "IT", "US", "DE", "CW", "XK"} <= COUNTRY_CODES
    assert COUNTRY_CODES.isdisjoint({"UK", "EU", "ZZ", "XX", "gb", ""})
