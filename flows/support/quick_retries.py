"""Short waits for a Prefect server that is busy or gives no answer.

On SQLite, the server answers 503 when two of its own transactions conflict. Prefect's client then
waits two seconds, and twice as long before each further try. Here the first wait is 0.1 seconds.

A server that hangs takes requests and answers none. Prefect's client waits for an answer for a
minute at each try. Here it waits for 20 seconds, and for 10 seconds at each further try.
"""

from typing import Any

import httpx

_FIRST_SECONDS = 0.1
_FACTOR = 4
_LONGEST_SECONDS = 30
_TRIES = "order_factory.tries"
_FIRST_ANSWER_SECONDS, _NEXT_ANSWER_SECONDS = 20.0, 10.0
_SENT = "order_factory.sent"


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


def limit_answer_time(request: httpx.Request) -> None:
    """Set how long Prefect's client waits for the answer to this try of the request."""
    is_first = _SENT not in request.extensions
    timeout: dict[str, Any] = dict(request.extensions["timeout"])
    timeout["read"] = _FIRST_ANSWER_SECONDS if is_first else _NEXT_ANSWER_SECONDS
    request.extensions.update({"timeout": timeout, _SENT: True})
