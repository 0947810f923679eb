"""An RSGI scope says what was replaced, and all else as its server does."""

from __future__ import annotations

from typing import Any

from werkzeug.datastructures import Headers

from kolben.core.request import Request
from kolben.entry.adapted_scope import AdaptedScope, HeadersWithHost, on_the_wire
from kolben.entry.scopes import RSGISource, glance_rsgi
from tests.wires import Message, RSGIScope


def scope_of(*headers: tuple[str, str]) -> Any:
    return RSGIScope(Message("GET", "/shop/a", "x=1", Headers(headers), b""))


def test_what_is_replaced_is_said_and_the_rest_as_it_was() -> None:
    wire = scope_of(("Host", "inner"))
    adapted = AdaptedScope(wire, {"client": "1.2.3.4", "path": "/a", "root_path": "/shop"})
    request = Request(RSGISource(adapted).environ())
    assert ("1.2.3.4", "/shop", "/a", "GET", b"x=1", "inner") == (
        request.remote_addr,
        request.root_path,
        request.path,
        request.method,
        request.query_string,
        request.host,
    )


def test_the_wire_is_what_the_server_has() -> None:
    wire = scope_of()
    adapted = AdaptedScope(wire, {"client": "1.2.3.4"})
    assert wire is on_the_wire(adapted)
    assert wire is on_the_wire(wire)


def test_headers_have_another_host_and_are_the_same_else() -> None:
    headers = HeadersWithHost(scope_of(("X-A", "1"), ("X-A", "2")).headers, "outer")
    assert [("host", "outer"), ("x-a", "1"), ("x-a", "2")] == headers.items()
    assert ("outer", "1", None) == (headers.get("host"), headers.get("x-a"), headers.get("x-b"))
    assert (["outer"], ["1", "2"]) == (headers.get_all("host"), headers.get_all("x-a"))
    assert ["x-a"] == headers.keys()
    assert ("host" in headers, "x-a" in headers, "x-b" in headers) == (True, True, False)


def test_of_two_hosts_the_proxys_is_the_one() -> None:
    wire = scope_of(("Host", "inner"))
    adapted = AdaptedScope(wire, {"headers": HeadersWithHost(wire.headers, "outer")})
    assert "outer" == glance_rsgi(adapted)[0]
    assert "outer" == RSGISource(adapted).environ()["HTTP_HOST"]


def test_headers_with_a_host_are_as_many_as_they_say() -> None:
    for inner in ((), (("Host", "inner"),)):
        headers = HeadersWithHost(scope_of(("X-A", "1"), *inner).headers, "outer")
        assert (2, ["host", "x-a"], ["outer", "1"]) == (
            len(headers),
            list(headers),
            headers.values(),
        )
