"""A request with a bad Host header is refused."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.exceptions import HTTPException, SecurityError
from werkzeug.routing import MapAdapter
from werkzeug.test import create_environ
from werkzeug.wrappers import Request as WerkzeugRequest

from kolben import Flask, url_for
from kolben.core import hosts
from kolben.core.hosts import check_host, is_valid_host
from kolben.core.request import Request
from kolben.core.source import EnvironSource


@pytest.mark.parametrize(
    "host",
    [
        "a",
        "a.b",
        "a.b:80",
        "a.b:",
        "A-1.example:5000",
        "127.0.0.1",
        "[::1]",
        "[::1]:8080",
        "my_db:1",
        "ä.de",
        "a.",
        "a:65535",
        "xn--4ca.de",
        "[::ffff:192.0.2.1]",
    ],
)
def test_valid(host: str) -> None:
    assert is_valid_host(host)
    assert is_valid_host(host)  # now a known one


@pytest.mark.parametrize(
    "host",
    [
        *("", "a b", 'a"b', "u@e", "[::1", "a/x?y=", "a:abc", "a,b", "a\x00", "\x8a"),
        *("a:0", "a:080", "a:65536", "a:123456", "a:٨"),
        *(
            "a..b",
            ".",
            ".a",
            "a" * 64,
            "xn--e",
            "xn--" + "a" * 60,
            "[fffff::1]",
            "[1.2.3.4]",
            "[:]",
        ),
        *("[::1]a", "[]", "::1", "a:1:1"),
    ],
)
def test_not_valid(host: str) -> None:
    assert not is_valid_host(host)


def test_the_hosts_remembered_are_bounded() -> None:
    for number in range(hosts._MOST_KNOWN * 2):
        is_valid_host(f"host-{number}")
    assert len(hosts.known_hosts) <= hosts._MOST_KNOWN


def request_with(host: str | None, **environ: str) -> Request:
    made = create_environ("/")
    made.pop("HTTP_HOST")
    if host is not None:
        made["HTTP_HOST"] = host
    made.update(environ)
    return Request(made)


@pytest.mark.parametrize("said", [{"REMOTE_PORT": "5"}, {"SERVER_SOFTWARE": "x/1"}], ids=str)
def test_a_server_of_http_1_1_needs_a_host(said: dict[str, str]) -> None:
    with pytest.raises(SecurityError, match="no Host"):
        check_host(request_with(None, **said), None)
    with pytest.raises(SecurityError, match="empty Host"):
        check_host(request_with("", **said), None)


def test_so_does_an_entry_other_than_wsgi() -> None:
    environ = create_environ("/")
    del environ["HTTP_HOST"]
    request = Request.of(EnvironSource(environ))
    with pytest.raises(SecurityError, match="no Host"):
        check_host(request, None)


@pytest.mark.parametrize("host", [None, ""])
def test_a_test_or_a_script_does_not(host: str | None) -> None:
    check_host(request_with(host), None)
    # A server is never without a name.
    check_host(request_with(host, SERVER_NAME="", REMOTE_PORT="5"), None)


def test_http_1_0_does_not() -> None:
    check_host(request_with(None, SERVER_PROTOCOL="HTTP/1.0"), None)


def test_a_malformed_host_is_refused() -> None:
    with pytest.raises(SecurityError, match="'a b'"):
        check_host(request_with("a b"), None)


@pytest.mark.parametrize("host", ["example.com", "example.com:80", "x.example.org"])
def test_a_trusted_host_passes(host: str) -> None:
    request = request_with(host)
    check_host(request, ["example.com", ".example.org"])
    assert request.trusted_hosts == ["example.com", ".example.org"]


@pytest.mark.parametrize("host", ["evil.com", "example.com.evil.com", "xexample.org"])
def test_another_host_is_refused(host: str) -> None:
    with pytest.raises(SecurityError, match="not served here"):
        check_host(request_with(host), ["example.com", ".example.org"])


def test_without_a_host_the_server_must_be_trusted() -> None:
    request = request_with(None, SERVER_PROTOCOL="HTTP/1.0", SERVER_NAME="example.com")
    check_host(request, ["example.com"])
    with pytest.raises(SecurityError):
        check_host(request_with(None, SERVER_PROTOCOL="HTTP/1.0"), ["example.com"])


def test_a_request_class_may_say_which_hosts_it_trusts() -> None:
    class Strict(Request):
        trusted_hosts = ["example.com"]

    request = Strict(create_environ("/", "http://evil.com"))
    with pytest.raises(SecurityError):
        check_host(request, None)


@pytest.mark.parametrize("host", ["", "a b", "evil.com"])
def test_a_handler_cannot_read_a_host_that_was_refused(host: str) -> None:
    request = request_with(host)
    with pytest.raises(SecurityError):
        check_host(request, ["example.com"])
    with pytest.raises(SecurityError):
        request.url  # noqa: B018  # reading is what raises


# Whatever environ a test or a script makes, URLs are what Werkzeug makes of it.

PARTS = (
    "url",
    "host",
    "base_url",
    "root_url",
    "url_root",
    "host_url",
    "full_path",
    "path",
    "server",
)
MISSING = object()

environs = st.fixed_dictionaries(
    {
        "HTTP_HOST": st.sampled_from([MISSING, "", "a.test", "a.test:80", "b.a.test:8080"]),
        "SERVER_NAME": st.sampled_from([MISSING, "", "a.test", "b.a.test", "unix:/a"]),
        "SERVER_PORT": st.sampled_from([MISSING, "", "80", "443", "8080", 8080, "x"]),
        "SERVER_PROTOCOL": st.sampled_from([MISSING, "HTTP/1.0", "HTTP/1.1", "HTTP/2"]),
        "wsgi.url_scheme": st.sampled_from(["http", "https", ""]),
        "SCRIPT_NAME": st.sampled_from([MISSING, None, "", "/", "/a/", "/\xc3\xa4"]),
        "PATH_INFO": st.sampled_from([MISSING, None, "", "/", "/branch", "branch/", "//branch"]),
        "QUERY_STRING": st.sampled_from([MISSING, "", "c=d", "\xc3\xa4"]),
        "REQUEST_METHOD": st.sampled_from(["GET", "HEAD", "get", "OPTIONS"]),
    }
)


def make_app(kind: str) -> Flask:
    app = Flask(__name__, static_folder=None, host_matching=kind == "host")
    app.subdomain_matching = kind == "subdomain"
    app.config["SERVER_NAME"] = "a.test" if kind in {"named", "subdomain"} else None
    host: dict[str, str] = {"host": "<host>"} if kind == "host" else {}
    for path, name in (("/", "index"), ("/branch/", "branch")):
        app.add_url_rule(path, name, lambda host="": "", **host)  # type: ignore[arg-type]  # as a rule takes them
    return app


APPS = {kind: make_app(kind) for kind in ("plain", "named", "subdomain", "host")}


def told(error: BaseException | None) -> Any:
    return type(error), getattr(error, "new_url", None)


def outcome(adapter: MapAdapter, query: str) -> Any:
    try:
        return adapter.match(query_args=query)
    except HTTPException as error:
        return told(error)


@pytest.mark.filterwarnings("ignore:Current server name")
@pytest.mark.parametrize("kind", APPS)
@given(made=environs)
def test_urls_and_routes_are_werkzeugs(kind: str, made: dict[str, Any]) -> None:
    app = APPS[kind]
    environ = {key: value for key, value in made.items() if value is not MISSING}
    oracle = WerkzeugRequest(dict(environ))
    adapter = app.url_map.bind_to_environ(
        dict(environ),
        None if kind == "host" else app.config["SERVER_NAME"],
        None if kind in {"host", "subdomain"} else "",
    )
    with app.request_context(dict(environ)) as context:
        request = context.request
        assert [getattr(oracle, part) for part in PARTS] == [getattr(request, p) for p in PARTS]
        values = {"host": "h.test"} if kind == "host" else {}
        for external in (False, True):
            wanted = adapter.build("branch", values, force_external=external)
            assert wanted == url_for("branch", **values, _external=external)
        query = quote(request.query_string, safe="=%")
        assert outcome(adapter, query) == (
            (request.url_rule.endpoint, request.view_args)
            if request.url_rule is not None
            else told(request.routing_exception)
        )
