"""A request's Proxy header configures no client (CVE-2016-5385)."""

from __future__ import annotations

import io
import os
from urllib.request import getproxies
from wsgiref.handlers import BaseCGIHandler

import pytest

from kolben import Flask
from tests.security.ways import Way, make_environ

PROXY = ("Proxy", "http://evil.example:3128")


@pytest.mark.parametrize("name", ["Proxy", "proxy", "Http-Proxy"])
def test_a_view_sees_no_proxy_of_the_client(way: Way, name: str) -> None:
    before = way.ask("/environment").json
    assert way.ask("/environment", headers=[(name, PROXY[1])]).json == before
    assert way.ask("/environment").json == before
    assert before == {"proxies": {}, "http_proxy": None}


def test_under_cgi_the_environment_itself_has_it_and_clients_do_not(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CGI makes os.environ of headers; Python takes no proxy from there while it does."""
    environ = make_environ("/", headers=[("Host", "h"), PROXY])
    for name, value in environ.items():
        if isinstance(value, str):
            monkeypatch.setenv(name, value)
    out = io.BytesIO()
    BaseCGIHandler(io.BytesIO(), out, io.StringIO(), dict(os.environ)).run(app)
    assert out.getvalue().startswith(b"Status: 200 OK\r\n")
    assert "http" not in getproxies()
