"""Short waits where Prefect's server is busy for a moment.

On SQLite the server answers 503 when two of its own transactions meet. Its client then waits two
seconds, and twice as long at each further try. Here it waits a tenth of a second first.
"""

import httpx

_FIRST_SECONDS = 0.1
_FACTOR = 4
_LONGEST_SECONDS = 30
_TRIES = "order_factory.tries"


def retry_soon(response: httpx.Response) -> None:
    """Name the time to wait in an answer of a busy server, as Prefect's client heeds it.

    It waits 0.1, 0.4, 1.6, 6.4, 25.6 and then 30 seconds, until its settings make it give up.
    """
    if response.status_code != httpx.codes.SERVICE_UNAVAILABLE:
        return
    tries = response.request.extensions.get(_TRIES, 0)
    response.request.extensions[_TRIES] = tries + 1
    response.headers.setdefault(
        "Retry-After", str(min(_FIRST_SECONDS * _FACTOR**tries, _LONGEST_SECONDS))
    )
