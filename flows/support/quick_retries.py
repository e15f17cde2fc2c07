"""Short waits before a request to a busy Prefect server is retried.

On SQLite, the server answers 503 when two of its own transactions conflict. Prefect's client then
waits two seconds, and twice as long before each further try. Here the first wait is 0.1 seconds.
"""

import httpx

_FIRST_SECONDS = 0.1
_FACTOR = 4
_LONGEST_SECONDS = 30
_TRIES = "order_factory.tries"


def retry_soon(response: httpx.Response) -> None:
    """Set `Retry-After` in the response of a busy server; Prefect's client waits that long.

    The waits are 0.1, 0.4, 1.6, 6.4, 25.6 and then 30 seconds, until Prefect's retry limit.
    """
    if response.status_code != httpx.codes.SERVICE_UNAVAILABLE:
        return
    tries = response.request.extensions.get(_TRIES, 0)
    response.request.extensions[_TRIES] = tries + 1
    response.headers.setdefault(
        "Retry-After", str(min(_FIRST_SECONDS * _FACTOR**tries, _LONGEST_SECONDS))
    )
