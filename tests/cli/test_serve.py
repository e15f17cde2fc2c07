"""`order-factory serve`: says where it listens, or why it cannot."""

import socket

import pytest


def test_a_database_without_tables_is_reported_first(run):
    output = run("serve", "--port", "0")

    assert output.code == 2
    assert "order-factory init" in output.err


@pytest.mark.parametrize("shop", ["sqlite"], indirect=True)
def test_a_port_that_is_taken_is_reported(run, shop):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        output = run("serve", "--port", str(port))

    assert output.code == 2
    assert f"127.0.0.1:{port} cannot be used to listen on" in output.err
