"""A client of the service: documents in and out, and a token of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from time import sleep
from typing import Any

import uvicorn
from httpx import Client, Response

from order_factory.api.app import make_service
from order_factory.api.server import make_server_config
from order_factory.api.tokens import create_token
from order_factory.models.database.engine import begin
from order_factory.models.values.public_ids import Resource, public_id
from order_factory.models.values.statuses import Mode

MEDIA_TYPE = "application/vnd.api+json"
Json = Any


def make_token(mode: str = "test", *scopes: str, **options: Any) -> str:
    """A token of this mode; it may read and write unless scopes are given."""
    with begin() as db:
        return create_token(
            db, mode=Mode(mode), scopes=scopes or ("read", "write"), **options
        ).token


def order_id(key: int) -> str:
    return public_id(Resource.orders, key)


def linkage(type_name: str, name: str) -> Json:
    return {"data": {"type": type_name, "id": name}}


@contextmanager
def listening() -> Iterator[int]:
    """The service in a thread, on a port of its own."""
    server = uvicorn.Server(make_server_config(make_service(), port=0, log_config=None))
    thread = Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the service did not start"
        sleep(0.005)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()


class Api:
    """Sends requests under `/api/`."""

    def __init__(self, client: Client, token: str) -> None:
        self.client = client
        self.token = token

    @classmethod
    @contextmanager
    def running(cls) -> Iterator["Api"]:
        with listening() as port:
            headers = {"Host": "shop.example"}
            base = f"http://127.0.0.1:{port}"
            with Client(base_url=base, headers=headers, trust_env=False, timeout=30) as client:
                yield cls(client, make_token())

    def as_(self, token: str) -> "Api":
        """The same service, seen by the bearer of another token."""
        return Api(self.client, token)

    def send(self, method: str, path: str, **options: Any) -> Response:
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        return self.client.request(method, f"/api/{path}", headers=headers, **options)

    def get(self, path: str, expect: int = 200, **params: Any) -> Json:
        """The document at this path; parameters are named as in `page__size` for `page[size]`."""
        response = self.send("GET", path, params={_parameter(n): v for n, v in params.items()})
        assert response.status_code == expect, response.text
        return response.json()

    def filtered(self, path: str, **predicates: Any) -> list[str]:
        """The ids of a list that these predicates leave."""
        params = {f"filter[q][{name}]": value for name, value in predicates.items()}
        response = self.send("GET", path, params={**params, "page[size]": 25})
        assert response.status_code == 200, response.text
        return [each["id"] for each in response.json()["data"]]

    def post(self, path: str, data: Json, expect: int = 201, **headers: str) -> Json:
        return self._with_body("POST", path, data, expect, headers)

    def patch(self, path: str, data: Json, expect: int = 200) -> Json:
        return self._with_body("PATCH", path, data, expect, {})

    def delete(self, path: str, expect: int = 204) -> None:
        response = self.send("DELETE", path)
        assert response.status_code == expect, response.text

    def copy(self, source: str, expect: int = 201, **attributes: Any) -> Json:
        """The order copy that is made of this order, or the errors."""
        data = {
            "type": "order_copies",
            "attributes": attributes,
            "relationships": {"source_order": linkage("orders", source)},
        }
        return self.post("order_copies", data, expect)

    def _with_body(
        self, method: str, path: str, data: Json, expect: int, headers: dict[str, str]
    ) -> Json:
        sent = {"Content-Type": MEDIA_TYPE}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        response = self.send(method, path, json={"data": data}, headers=sent)
        assert response.status_code == expect, response.text
        return response.json()


def _parameter(name: str) -> str:
    first, separator, rest = name.partition("__")
    return f"{first}[{rest}]" if separator else first
