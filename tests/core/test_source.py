"""A request's words are read as Werkzeug reads them."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.test import create_environ
from werkzeug.wrappers import Request as WerkzeugRequest

from kolben.core.source import EnvironSource, decode_path

ENVIRONS: dict[str, dict[str, Any]] = {
    "plain": create_environ("/a/b?c=d", "http://example.com:81/root"),
    "https": create_environ("/", "https://example.com", method="POST"),
    "unicode": create_environ("/ä/€"),
    "doubled slashes": {**create_environ("/"), "PATH_INFO": "//a//b", "SCRIPT_NAME": "/x/"},
    "bad UTF-8": {**create_environ("/"), "PATH_INFO": "/\xff"},
    "no path": {**create_environ("/"), "PATH_INFO": ""},
    "lower case": {**create_environ("/"), "REQUEST_METHOD": "get"},
    "a peer": {**create_environ("/"), "REMOTE_ADDR": "10.0.0.1"},
    "unix socket": {**create_environ("/"), "SERVER_NAME": "/run/x", "SERVER_PORT": ""},
    "nothing": {},
}


@pytest.mark.parametrize("environ", ENVIRONS.values(), ids=ENVIRONS)
def test_same_as_werkzeug(environ: dict[str, Any]) -> None:
    source, oracle = EnvironSource(environ), WerkzeugRequest(dict(environ))
    for part in (
        "method",
        "scheme",
        "server",
        "root_path",
        "path",
        "query_string",
        "headers",
        "remote_addr",
    ):
        ours, theirs = getattr(source, part)(), getattr(oracle, part)
        assert (list(ours) if part == "headers" else ours) == (
            list(theirs) if part == "headers" else theirs
        )


def test_a_content_type_is_as_the_server_says_it() -> None:
    assert "a/b" == EnvironSource({"CONTENT_TYPE": "a/b"}).content_type()
    assert "" == EnvironSource({}).content_type()


def test_the_body_of_an_environ_is_read_from_it() -> None:
    assert EnvironSource({}).small_body() is None


@pytest.mark.parametrize("scheme", ["javascript", "HTTP", "http:", "ftp"])
def test_a_scheme_that_is_none_of_http_is_not_taken(scheme: str) -> None:
    assert EnvironSource({"wsgi.url_scheme": scheme}).scheme() == "http"


def test_a_base_url_may_be_without_a_scheme() -> None:
    assert EnvironSource({"wsgi.url_scheme": ""}).scheme() == ""


def test_paths_are_decoded() -> None:
    assert decode_path("/a") == "/a"
    assert decode_path("/\xc3\xa4") == "/ä"
    assert decode_path("/\xff") == "/\ufffd"
