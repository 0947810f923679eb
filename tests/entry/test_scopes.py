"""A request says the same of itself whether it came as an environ, an ASGI or an RSGI scope."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import Headers
from werkzeug.exceptions import BadRequest
from werkzeug.test import create_environ

from kolben import Flask, Request, request
from kolben.core.body import SmallBody
from kolben.core.source import EnvironSource
from kolben.entry import scopes
from kolben.entry.adapted_scope import AdaptedScope
from kolben.entry.refusals import Refused
from kolben.entry.scopes import (
    ASGISource,
    RSGISource,
    environ_name,
    glance_asgi,
    glance_rsgi,
    split_root,
)
from tests.wires import Message, RSGIScope
from tests.wires import _environ as environ_of
from tests.wires import _scope as scope_of

PARTS = ["method", "scheme", "root_path", "path", "query_string", "query_text", "remote_addr"]


def message(
    path: str = "/", query: str = "", headers: Any = (("Host", "localhost"),), method: str = "GET"
) -> Message:
    return Message(method, path, query, Headers(headers), b"")


def sources(asked: Message) -> list[Any]:
    return [
        EnvironSource(environ_of(asked)),
        ASGISource(scope_of(asked)),
        RSGISource(RSGIScope(asked)),
    ]


# What HTTP/1 lets through: a path is ASCII with percent escapes.
paths = st.lists(
    st.one_of(
        st.sampled_from(["/", "//", "a", ".", "..", "%2F", "%00", "%ff", "%C3%A4", "%E2%82", ":"]),
        st.integers(0, 255).map(lambda byte: f"%{byte:02x}"),
    ),
    max_size=8,
).map(lambda parts: "/" + "".join(parts))
queries = st.text(max_size=20).map(lambda text: text.encode().decode("latin-1"))
values = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=8)
names = st.sampled_from(["X-A", "X-B", "Cookie", "Accept", "Content-Type", "X-Long-Name"])


@given(paths, queries, st.lists(st.tuples(names, values), max_size=4, unique_by=lambda p: p[0]))
def test_all_sources_say_the_same(path: str, query: str, headers: Any) -> None:
    said = []
    for source in sources(message(path, query, [("Host", "localhost"), *headers])):
        if query.isascii():
            parts = [getattr(source, part)() for part in PARTS]
        else:  # RSGI's text is not that of an environ; nobody reads it then
            parts = [getattr(source, part)() for part in PARTS if part != "query_text"]
        said.append([*parts, sorted(source.headers())])
    assert said[0] == said[1] == said[2]


@given(queries)
def test_the_fields_of_a_query_are_the_same_from_each_source(query: str) -> None:
    read = [list(Request.of(source).args.items(True)) for source in sources(message("/", query))]
    assert read[0] == read[1] == read[2]


def test_an_environ_has_what_pep_3333_asks_for() -> None:
    headers = [("Host", "h"), ("Content-Type", "text/plain"), ("Content-Length", "3")]
    for source in sources(message("/p%C3%A4", "q=1", headers, "post"))[1:]:
        environ = source.environ()
        assert source.environ() is environ
        assert environ.pop("wsgi.input").read() == b""
        assert environ.pop("wsgi.errors") is not None
        # What a test's environ leaves open.
        port = environ.pop("REMOTE_PORT")
        assert environ.pop("SERVER_NAME") in {"localhost", "127.0.0.1"}
        assert port == "50000"
        assert environ == {
            "REQUEST_METHOD": "post",
            "SCRIPT_NAME": "",
            "PATH_INFO": "/p\xc3\xa4",
            "QUERY_STRING": "q=1",
            "REQUEST_URI": "/p%C3%A4?q=1",
            "RAW_URI": "/p%C3%A4?q=1",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_HOST": "h",
            "CONTENT_TYPE": "text/plain",
            "CONTENT_LENGTH": "3",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input_terminated": True,
            "wsgi.multithread": True,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
        }
        assert source.method() == "POST"


@pytest.mark.parametrize("name", ["REQUEST_URI", "RAW_URI"])
@pytest.mark.parametrize(
    "target", ["/", "/a/b;c=d,e:f@g!$&'()*+~-._", "/p%20q/%C3%A4?a=%20b&c", "/%3F%25?q=/?"]
)
def test_the_target_of_the_request_line_is_in_each_environ(name: str, target: str) -> None:
    path, _, query = target.partition("?")
    assert {target} == {source.environ()[name] for source in sources(message(path, query))[1:]}


def test_a_quoted_slash_stays_one_where_the_server_says_what_was_sent() -> None:
    _, asgi, rsgi = sources(message("/a%2Fb"))
    asgi.scope["raw_path"] = b"/a%2Fb"
    assert ("/a%2Fb", "/a/b") == (asgi.environ()["RAW_URI"], rsgi.environ()["RAW_URI"])
    _, asgi, _ = sources(message("/a%2Fb"))
    asgi.scope["raw_path"] = None
    assert "/a/b" == asgi.environ()["RAW_URI"]


def test_a_root_path_of_the_command_line_is_in_no_target() -> None:
    _, _, rsgi = sources(message("/shop/pets"))
    adapted = AdaptedScope(rsgi.scope, {"root_path": "/shop", "path": "/pets"})
    environ = RSGISource(adapted).environ()
    assert ("/shop", "/pets") == (environ["SCRIPT_NAME"], environ["PATH_INFO"])
    assert "/shop/pets" == environ["REQUEST_URI"]


@pytest.mark.parametrize("asked_first", [False, True])
@pytest.mark.parametrize("number", [1, 2], ids=["asgi", "rsgi"])
def test_a_body_is_in_the_environ_whichever_comes_first(number: int, asked_first: bool) -> None:
    source = sources(message())[number]
    if asked_first:
        source.environ()
    body = io.BytesIO(b"body")
    source.set_body(body)
    assert source.environ()["wsgi.input"] is body
    source.close()
    assert body.closed


def test_a_request_without_a_body_closes_nothing() -> None:
    for source in sources(message())[1:]:
        source.close()


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("x-a", "HTTP_X_A"),
        ("Content-Type", "CONTENT_TYPE"),
        ("content-length", "CONTENT_LENGTH"),
        ("x_a", None),
        ("content_length", None),
    ],
)
def test_a_header_has_a_name_of_its_own(header: str, expected: str | None) -> None:
    assert [environ_name(header), environ_name(header)] == [expected] * 2


def test_names_that_clients_make_up_are_not_kept_for_ever() -> None:
    for number in range(2000):
        environ_name(f"x-{number}")
    assert len(scopes._names) <= scopes._MOST_NAMES


@pytest.mark.parametrize("number", [1, 2], ids=["asgi", "rsgi"])
def test_headers_that_come_several_times_become_one(number: int) -> None:
    pairs = [("Cookie", "a=1"), ("X-A", "1"), ("x-a", "2"), ("Cookie", "b=2"), ("X_A", "no")]
    environ = sources(message(headers=pairs))[number].environ()
    assert (environ["HTTP_COOKIE"], environ["HTTP_X_A"]) == ("a=1; b=2", "1,2")


@pytest.mark.parametrize(
    ("root", "path", "below"),
    [
        ("", "/a", "/a"),
        ("/api", "/api/a", "/a"),
        ("/api/", "/api/a", "/a"),
        ("/api", "/api", ""),
        ("/api", "/apiary", "/apiary"),
        ("/api", "/a", "/a"),
        ("/", "/a", "/a"),
    ],
)
def test_a_path_is_told_below_its_root(root: str, path: str, below: str) -> None:
    """Also where a server leaves the root out of the path, as older ones do."""
    assert split_root(root, path) == below
    source = ASGISource({**scope_of(message(path)), "root_path": root})
    assert source.environ()["SCRIPT_NAME"] == root.rstrip("/")
    assert source.environ()["PATH_INFO"] == below
    assert source.path() == (below or "/")
    assert source.root_path() == root.rstrip("/")


@pytest.mark.parametrize(
    ("version", "protocol"), [("1.1", "HTTP/1.1"), ("1", "HTTP/1.0"), ("2", "HTTP/2")]
)
def test_the_protocol_is_that_of_the_request(version: str, protocol: str) -> None:
    asgi = {**scope_of(message()), "http_version": version}
    rsgi = RSGIScope(message())
    rsgi.http_version = version
    assert ASGISource(asgi).environ()["SERVER_PROTOCOL"] == protocol
    assert RSGISource(rsgi).environ()["SERVER_PROTOCOL"] == protocol


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (("127.0.0.1", 80), ("127.0.0.1", 80)),
        (["127.0.0.1", "8000"], ("127.0.0.1", 8000)),  # as Granian says it
        (("/run/app.sock", None), ("/run/app.sock", None)),
        (None, ("localhost", None)),
    ],
)
def test_an_asgi_server_has_an_address_or_none(address: Any, expected: Any) -> None:
    source = ASGISource({**scope_of(message()), "server": address, "client": address})
    assert source.server() == expected
    assert source.remote_addr() == (None if address is None else expected[0])


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.1:80", ("127.0.0.1", 80)),
        ("[::1]:8000", ("::1", 8000)),
        ("/run/app.sock", ("/run/app.sock", None)),
        ("", ("", None)),
    ],
)
def test_an_rsgi_server_has_an_address_or_none(address: str, expected: Any) -> None:
    scope = RSGIScope(message())
    scope.server = scope.client = address
    source = RSGISource(scope)
    assert (source.server(), source.remote_addr()) == (expected, expected[0])


@pytest.mark.parametrize(
    ("hosts", "seen"),
    [
        (["localhost"], "localhost"),
        ([], None),
        (["a", "b"], ","),
        (["a", "a"], ","),
        (["a", ""], ","),
        (["", "a"], ","),
    ],
)
def test_of_several_hosts_none_is_believed(hosts: list[str], seen: str | None) -> None:
    asked = message(headers=[("Host", host) for host in hosts])
    assert glance_asgi(scope_of(asked))[0] == seen
    assert glance_rsgi(RSGIScope(asked))[0] == seen


def test_an_empty_host_is_none() -> None:
    """Granian says one over ASGI where HTTP/1.0 has none."""
    asked = message(headers=[("Host", "")])
    assert glance_asgi(scope_of(asked))[0] is None
    assert glance_rsgi(RSGIScope(asked))[0] is None
    for source in sources(asked)[1:]:
        assert "HTTP_HOST" not in source.environ()


def test_http_2_says_the_host_as_its_authority() -> None:
    scope = RSGIScope(message(headers=()))
    scope.authority, scope.http_version = "localhost:8000", "2"
    assert glance_rsgi(scope)[0] == "localhost:8000"
    assert RSGISource(scope).environ()["HTTP_HOST"] == "localhost:8000"


@pytest.mark.parametrize(
    ("hosts", "seen"), [(["evil"], "good"), (["good"], "good"), ([], None), (["good", "good"], ",")]
)
def test_the_host_of_a_target_that_is_a_url_goes_before_the_header(
    hosts: list[str], seen: str | None
) -> None:
    scope = RSGIScope(message(headers=[("Host", host) for host in hosts]))
    scope.authority = "good"
    assert glance_rsgi(scope)[0] == seen
    assert RSGISource(scope).environ().get("HTTP_HOST") == seen


@pytest.mark.parametrize("codings", [["gzip, chunked"], ["chunked", "chunked"], ["identity"], [""]])
def test_a_body_in_another_coding_is_refused(codings: list[str]) -> None:
    asked = message(headers=[("Transfer-Encoding", coding) for coding in codings])
    with pytest.raises(Refused):
        glance_asgi(scope_of(asked))
    with pytest.raises(Refused):
        glance_rsgi(RSGIScope(asked))


@pytest.mark.parametrize(
    ("headers", "length"),
    [
        ([], None),
        ([("Accept", "*/*"), ("Content-Length", "5")], "5"),
        ([("Transfer-Encoding", "chunked")], ""),
        ([("Content-Length", "5"), ("Transfer-Encoding", "chunked")], "5"),
        ([("Transfer-Encoding", "chunked"), ("Content-Length", "5")], "5"),
    ],
)
def test_the_headers_say_whether_there_is_a_body(headers: Any, length: str | None) -> None:
    asked = message(headers=headers, method="POST")
    assert glance_asgi(scope_of(asked))[2] == length
    assert glance_rsgi(RSGIScope(asked))[2] == length


@pytest.mark.parametrize(
    ("version", "method", "length"),
    [("2", "POST", ""), ("3", "PUT", ""), ("2", "GET", None), ("1.1", "POST", None)],
)
def test_http_2_may_have_a_body_that_no_header_announces(
    version: str, method: str, length: str | None
) -> None:
    asked = message(method=method)
    rsgi = RSGIScope(asked)
    rsgi.http_version = version
    assert glance_asgi({**scope_of(asked), "http_version": version})[2] == length
    assert glance_rsgi(rsgi)[2] == length


@pytest.mark.parametrize("has_cookie", [False, True])
def test_a_glance_sees_whether_there_are_cookies(has_cookie: bool) -> None:
    asked = message(headers=[("Cookie", "a=1")] if has_cookie else [])
    assert glance_asgi(scope_of(asked))[1] is has_cookie
    assert glance_rsgi(RSGIScope(asked))[1] is has_cookie


def test_a_scheme_that_is_none_is_http() -> None:
    assert ASGISource({**scope_of(message()), "scheme": "javascript"}).scheme() == "http"
    assert ASGISource({**scope_of(message()), "scheme": "https"}).scheme() == "https"


@pytest.mark.parametrize("is_made", [False, True], ids=["before the environ", "after it"])
@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([], ""),
        ([("Content-Type", "text/plain")], "text/plain"),
        ([("Content-Type", "a/b"), ("Content_Type", "x/y"), ("Content-Type", "c/d")], "a/b,c/d"),
    ],
    ids=["none", "one", "two"],
)
def test_a_content_type_is_that_of_the_environ(headers: Any, expected: str, is_made: bool) -> None:
    for source in sources(message("/", headers=[("Host", "h"), *headers]))[1:]:
        if is_made:
            assert expected == source.environ().get("CONTENT_TYPE", "")
        assert expected == source.content_type()


@pytest.mark.parametrize("number", [1, 2], ids=["asgi", "rsgi"])
def test_a_small_body_is_there_until_there_is_an_environ(number: int) -> None:
    source = sources(message())[number]
    body = SmallBody(b"body")
    assert source.small_body() is None
    source.set_body(body, "4")
    assert source.small_body() is body
    assert source.environ()["wsgi.input"] is body
    assert source.small_body() is None


@pytest.mark.parametrize("length", ["", "3", "5", "x"])
def test_a_body_that_is_not_as_long_as_was_promised_is_left_to_the_environ(length: str) -> None:
    for source in sources(message())[1:]:
        source.set_body(SmallBody(b"body"), length)
        assert source.small_body() is None


@pytest.mark.parametrize("path", ["/json", "/form", "/stream", "/environ first"])
def test_a_small_body_is_read_the_same_without_an_environ(wire: Any, path: str) -> None:
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = 10
    seen = []

    @app.post("/<how>")
    def view(how: str) -> str:
        if how == "environ first":
            request.environ["wsgi.input"] = io.BytesIO(b"[2]")
        found = {"form": lambda: request.form["a"], "stream": lambda: request.stream.read()}
        seen.append(found.get(how, request.get_json)())
        return str(request.content_length)

    client = wire(app)
    kind = "application/x-www-form-urlencoded" if path == "/form" else "application/json"
    body = b"a=1" if path == "/form" else b"[1]"
    expected = {"/json": [1], "/form": "1", "/stream": b"[1]", "/environ first": [2]}
    assert "3" == client.post(path, data=body, content_type=kind).text
    assert [expected[path]] == seen
    assert 413 == client.post(path, data=body * 4, content_type=kind).status


def test_a_class_with_a_limit_of_its_own_is_asked_for_it(wire: Any) -> None:
    class Small(Request):
        max_content_length = 2

    app = Flask(__name__)
    app.request_class = Small
    app.add_url_rule("/", "view", lambda: request.get_data(), methods=["POST"])
    assert [200, 413] == [wire(app).post("/", data=data).status for data in (b"ab", b"abc")]


def test_an_environ_in_the_place_of_a_requests_own_has_its_body(wire: Any) -> None:
    app = Flask(__name__)

    @app.post("/")
    def view() -> Any:
        request.environ = create_environ(method="POST", json=[2])
        return request.get_json()

    assert [2] == wire(app).post("/", json=[1]).json


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        ([("X-A", "\xfc")], "x-a"),
        ([("X-A", "1"), ("Cookie", "a=\xfc")], "cookie"),
        ([("X-A", "1"), ("X-A", "2"), ("X-A", "3"), ("X-B", "\xfc")], "x-b"),
    ],
)
def test_rsgi_refuses_a_request_of_which_it_cannot_read_a_header(headers: Any, name: str) -> None:
    with pytest.raises(Refused, match=name) as caught:
        glance_rsgi(RSGIScope(message(headers=headers)))
    assert caught.value.status == 400


def test_headers_that_are_there_twice_are_read() -> None:
    asked = message(headers=[("Host", "localhost"), ("X-A", "1"), ("X-A", "2")])
    assert glance_rsgi(RSGIScope(asked)) == glance_asgi(scope_of(asked))


def test_one_that_hides_behind_another_that_is_there_twice_is_missed_when_they_are_read() -> None:
    """The numbers are equal."""
    asked = message(headers=[("X-A", "1"), ("X-A", "2"), ("X-B", "\xfc")])
    scope = RSGIScope(asked)
    glance_rsgi(scope)
    with pytest.raises(BadRequest, match="x-b"):
        RSGISource(scope).environ()
