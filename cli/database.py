"""The shop's database as a person knows it."""

from order_factory.models.database.engine import get_engine


def shown_url() -> str:
    """The database's URL, its password hidden."""
    return get_engine().url.render_as_string(hide_password=True)
