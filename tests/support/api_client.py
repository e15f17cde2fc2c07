"""A client of the service that sends and receives documents, with its own token."""

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


def make_order_id(key: int) -> str:
    return public_id(Resource.orders, key)


def make_linkage(type_name: str, name: str) -> Json:
    return {"data": {"type": type_name, "id": name}}


@contextmanager
def run_service() -> Iterator[int]:
    """Run the service in a thread; yields its port."""
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
    def connect(cls) -> Iterator["Api"]:
        with run_service() as port:
            headers = {"Host": "shop.example"}
            base = f"http://127.0.0.1:{port}"
            with Client(base_url=base, headers=headers, trust_env=False, timeout=30) as client:
                yield cls(client, make_token())

    def with_token(self, token: str) -> "Api":
        """A client of the same service with another token."""
        return Api(self.client, token)

    def send(self, method: str, path: str, **options: Any) -> Response:
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        return self.client.request(method, f"/api/{path}", headers=headers, **options)

    def get(self, path: str, expect: int = 200, **params: Any) -> Json:
        """The document at this path; parameters are named as in `page__size` for `page[size]`."""
        response = self.send(
            "GET", path, params={_convert_parameter(n): v for n, v in params.items()}
        )
        assert response.status_code == expect, response.text
        return response.json()

    def list_ids(self, path: str, **predicates: Any) -> list[str]:
        """The ids of the rows that match these predicates, on the first page."""
        params = {f"filter[q][{name}]": value for name, value in predicates.items()}
        response = self.send("GET", path, params={**params, "page[size]": 25})
        assert response.status_code == 200, response.text
        return [each["id"] for each in response.json()["data"]]

    def post(self, path: str, data: Json, expect: int = 201, **headers: str) -> Json:
        return self.send_document("POST", path, data, expect, headers)

    def patch(self, path: str, data: Json, expect: int = 200) -> Json:
        return self.send_document("PATCH", path, data, expect, {})

    def delete(self, path: str, expect: int = 204) -> None:
        response = self.send("DELETE", path)
        assert response.status_code == expect, response.text

    def copy(self, source: str, expect: int = 201, **attributes: Any) -> Json:
        """Create an order copy of this order; returns its document, or the errors."""
        data = {
            "type": "order_copies",
            "attributes": attributes,
            "relationships": {"source_order": make_linkage("orders", source)},
        }
        return self.post("order_copies", data, expect)

    def send_document(
        self, method: str, path: str, data: Json, expect: int, headers: dict[str, str]
    ) -> Json:
        all_headers = {"Content-Type": MEDIA_TYPE}
        all_headers |= {name.replace("_", "-"): value for name, value in headers.items()}
        response = self.send(method, path, json={"data": data}, headers=all_headers)
        assert response.status_code == expect, response.text
        return response.json()


def _convert_parameter(name: str) -> str:
    first, separator, key = name.partition("__")
    return f"{first}[{key}]" if separator else first
