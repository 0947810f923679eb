"""Every server can be started by its command."""

from __future__ import annotations

import pytest

from benchmarks.servers.known import DEFAULT_SIDES, DEFAULT_THREADS, SERVERS, server_of


def test_every_command_fills_in_its_port_and_its_threads() -> None:
    for name in DEFAULT_SIDES:
        server = server_of(name)
        told = dict(server.environ).get("PORT") or server.command
        assert "{port}" in told, name
        assert "127.0.0.1:12345" not in server.command
        filled = server.command.format(port=12345, threads=server.threads)
        assert "{" not in filled


def test_a_name_may_say_how_many_threads() -> None:
    assert server_of("kolben-wsgi").threads == DEFAULT_THREADS
    assert server_of("kolben-wsgi@1").threads == 1


@pytest.mark.parametrize("name", ["nobody", "sanic@2", "kolben-wsgi@x"])
def test_other_names_are_unknown(name: str) -> None:
    with pytest.raises(KeyError):
        server_of(name)


def test_every_server_is_measured_by_default() -> None:
    assert set(SERVERS) <= set(DEFAULT_SIDES)
