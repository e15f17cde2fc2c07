"""The URL of the shop's database, for display."""

from order_factory.models.database.engine import get_engine


def display_url() -> str:
    """The database's URL without its password."""
    return get_engine().url.render_as_string(hide_password=True)
