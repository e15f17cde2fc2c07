"""The countries that an address may be in."""

import pycountry

# ISO 3166-1 reserves XK for users. Post offices, banks and customs use it for Kosovo.
_KOSOVO = "XK"
COUNTRY_CODES = frozenset({country.alpha_2 for country in pycountry.countries} | {_KOSOVO})
