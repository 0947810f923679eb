"""What views do to a response object before it leaves."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable
from typing import Any

from flask import (
    Flask,
    Response,
    after_this_request,
    current_app,
    json,
    make_response,
    request,
)

from conformance.differential.ask import Ask, ask

app = Flask("responses")
closed: list[str] = []

WHEN = dt.datetime(2020, 2, 29, 12, 30, 1, 999, tzinfo=dt.UTC)
View = Callable[[], Any]
VIEWS: dict[str, View] = {}


def changed(**attributes: Any) -> View:
    """Make a view that sets attributes on a plain response."""

    def view() -> Response:
        response = make_response("body")
        for name, value in attributes.items():
            setattr(response, name, value)
        return response

    return view


def built(*arguments: Any, **keywords: Any) -> View:
    """Make a view that calls `Response` with these arguments."""
    return lambda: Response(*arguments, **keywords)


def done(change: Callable[[Response], Any]) -> View:
    """Make a view that hands a plain response to a function that changes it."""

    def view() -> Response:
        response = make_response("body")
        change(response)
        return response

    return view


VIEWS.update(
    {
        "built/nothing": built(),
        "built/text": built("t\u00e9xt"),
        "built/bytes": built(b"\xff"),
        "built/list": built(["a", b"b"]),
        "built/iterator": built(iter(["a", b"b"])),
        "built/generator-of-one": built(x for x in ["once"]),
        "built/mimetype-xml": built("<a/>", mimetype="text/xml"),
        "built/mimetype-svg": built("<a/>", mimetype="image/svg+xml"),
        "built/mimetype-json": built("{}", mimetype="application/json"),
        "built/mimetype-js": built("", mimetype="application/javascript"),
        "built/mimetype-binary": built("", mimetype="application/octet-stream"),
        "built/mimetype-given-charset": built("", mimetype="text/css; charset=latin1"),
        "built/mimetype-over-type": built("", mimetype="text/css", content_type="text/plain"),
        "built/content-type": built("", content_type="text/plain"),
        "built/content-type-header": built("", headers={"Content-Type": "text/plain"}),
        "built/both-types": built("", headers={"Content-Type": "a/b"}, mimetype="c/d"),
        "built/headers": built("", headers=[("X-A", "1"), ("x-a", "2"), ("X-B", "3")]),
        "built/status-int": built("", 404),
        "built/status-text": built("", "404 Not Here"),
        "built/status-wrong": built("", "four"),
        "built/direct": built([b"a", b"b"], direct_passthrough=True),
        "built/length-given": built("abc", headers={"Content-Length": "3"}),
        "set/mimetype": changed(mimetype="text/xml"),
        "set/content-type": changed(content_type="text/xml"),
        "set/content-type-none": done(lambda r: r.headers.pop("Content-Type")),
        "set/data": changed(data="n\u00ebw"),
        "set/data-bytes": changed(data=b"\xfe"),
        "set/response-list": changed(response=["a", "b"]),
        "set/response-text": changed(response="loose"),
        "set/response-iterator": changed(response=iter([b"a", b"b"])),
        "set/status": changed(status="222 Two"),
        "set/status-number-text": changed(status="222"),
        "set/status-code": changed(status_code=503),
        "set/status-code-text": changed(status_code="503"),
        "set/location": changed(location="/elsewhere?a=\u00e9#x", status_code=302),
        "set/location-relative": changed(location="else where", status_code=301),
        "set/location-absolute": changed(location="https://b\u00fccher.example/", status_code=301),
        "set/location-kept": changed(location="/x", autocorrect_location_header=True),
        "set/length": changed(content_length=99),
        "set/no-length": changed(automatically_set_content_length=False),
        "set/date": changed(date=WHEN, last_modified=WHEN, expires=WHEN),
        "set/age": changed(age=dt.timedelta(minutes=2), retry_after=120),
        "set/retry-date": changed(retry_after=WHEN),
        "set/vary": done(lambda r: r.vary.update(["Accept", "Cookie", "accept"])),
        "set/vary-text": changed(vary="Accept, Origin"),
        "set/allow": done(lambda r: r.allow.update(["GET", "PUT"])),
        "set/languages": done(lambda r: r.content_language.add("de")),
        "set/location-of-content": changed(content_location="/c", content_encoding="gzip"),
        "set/md5": changed(content_md5="abc", accept_ranges="bytes"),
        "set/etag": done(lambda r: r.set_etag("tag")),
        "set/etag-weak": done(lambda r: r.set_etag("tag", weak=True)),
        "set/etag-made": done(lambda r: r.add_etag()),
        "set/etag-made-weak": done(lambda r: r.add_etag(weak=True)),
        "set/range": done(lambda r: r.content_range.set(0, 3, 10)),
        "set/policy": changed(access_control_allow_origin="*"),
        "set/csp": done(lambda r: setattr(r.content_security_policy, "default_src", "'self'")),
        "set/cors": changed(access_control_allow_methods=["GET"], access_control_max_age=5),
        "set/cache-public": done(lambda r: setattr(r.cache_control, "public", True)),
        "set/cache-age": done(lambda r: setattr(r.cache_control, "max_age", 60)),
        "set/cache-many": done(lambda r: r.cache_control.update({"no-store": None, "private": "a"})),
        "set/attachment": done(lambda r: r.headers.set("Content-Disposition", "attachment", filename="\u00e4.txt")),
        "set/header-add": done(lambda r: (r.headers.add("X-A", "1"), r.headers.add("X-A", "2"))),
        "set/header-extend": done(lambda r: r.headers.extend({"X-A": ["1", "2"]}, x_b="3")),
        "set/header-default": done(lambda r: r.headers.setdefault("Content-Type", "text/css")),
        "set/header-clear": done(lambda r: r.headers.clear()),
        "set/headers-dict": changed(headers={"X-A": "1", "Location": "/x"}, status_code=302),
        "set/headers-pairs": changed(headers=[("X-A", "1"), ("X-A", "2")]),
        "set/header-newline": done(lambda r: r.headers.set("X-A", "a\nb")),
        "set/status-newline": changed(status="200 OK\r\nX-Split: yes"),
        "set/frozen": done(lambda r: r.freeze()),
        "set/sequence": done(lambda r: r.make_sequence()),
        "set/stream": done(lambda r: (r.stream.write(b" and "), r.stream.writelines(["more"]))),
        "set/www": done(lambda r: r.headers.set("WWW-Authenticate", 'Basic realm="a \\" b"')),
    }
)  # fmt: skip


def question_forms() -> dict[str, View]:
    """Give every way to a content type that people are told of."""

    def object_then_header() -> Response:
        r = Response(response="TEST OK", status=200, mimetype="application/xml")
        r.headers["Content-Type"] = "text/xml; charset=utf-8"
        return r

    def app_make_response() -> Response:
        response = current_app.make_response("<a/>")
        response.mimetype = "text/xml"
        return response

    def after() -> str:
        @after_this_request
        def add_header(response: Response) -> Response:
            response.headers["Content-Type"] = "text/late"
            return response

        return "x"

    def lower_case() -> Response:
        response = make_response("x")
        response.headers["Content-type"] = "text/xml; charset=utf-8"
        return response

    return {
        "type/object": object_then_header,
        "type/app": app_make_response,
        "type/after": after,
        "type/lower": lower_case,
        "type/tuple": lambda: ("x", 301, {"content-type": "text/plain", "location": "http://a.b"}),
    }


VIEWS.update(question_forms())


def reading(look: Callable[[Response], Any]) -> View:
    """Make a view that tells what it reads from a response it has made."""

    def view() -> Response:
        response = make_response('{"a": [1]}', 201, {"Content-Type": "application/json"})
        response.set_cookie("k", "v")
        return Response(repr(look(response)), mimetype="text/plain")

    return view


VIEWS.update(
    {
        "read/data": reading(lambda r: r.data),
        "read/get-data-text": reading(lambda r: r.get_data(as_text=True)),
        "read/status": reading(lambda r: (r.status, r.status_code)),
        "read/json": reading(lambda r: (r.json, r.is_json, r.get_json(silent=True))),
        "read/type": reading(lambda r: (r.mimetype, r.content_type, r.mimetype_params)),
        "read/length": reading(lambda r: (r.content_length, r.calculate_content_length())),
        "read/headers": reading(lambda r: list(r.headers)),
        "read/wsgi-headers": reading(lambda r: list(r.get_wsgi_headers(request.environ))),
        "read/streamed": reading(lambda r: (r.is_streamed, r.is_sequence)),
        "read/etag": reading(lambda r: r.get_etag()),
        "read/encoded": reading(lambda r: list(r.iter_encoded())),
        "read/repr": reading(lambda r: repr(r).replace(type(r).__name__, "R")),
        "read/max-cookie": reading(lambda r: r.max_cookie_size),
        "read/cache": reading(lambda r: (r.cache_control.max_age, str(r.vary), r.allow)),
    }
)


def closing(name: str) -> View:
    """Make a view whose response tells when it was closed."""

    def view() -> Response:
        body = {
            "list": lambda: ["a"],
            "generator": lambda: (x for x in "ab"),
            "file": lambda: io.BytesIO(b"from a file"),
        }[name]()
        response = Response(body)
        response.call_on_close(lambda: closed.append(name))
        return response

    return view


VIEWS.update({f"close/{name}": closing(name) for name in ("list", "generator", "file")})


def conditional(**settings: Any) -> View:
    """Make a view whose response is made conditional to the request."""

    def view() -> Response:
        response = make_response("0123456789")
        response.last_modified = WHEN
        response.set_etag("tag")
        return response.make_conditional(request, **settings)

    return view


VIEWS["conditional"] = conditional()
VIEWS["conditional/ranges"] = conditional(accept_ranges=True, complete_length=10)

for _path, _view in VIEWS.items():
    app.add_url_rule(f"/{_path}", _path, _view, methods=["GET", "POST"])


@app.route("/closed")
def tell_closed() -> str:
    told = json.dumps(closed)
    closed.clear()
    return told


APPS = {"main": app}


def condition(name: str, headers: dict[str, str], method: str = "GET", path: str = "") -> Ask:
    """Ask for the conditional response with these headers."""
    return ask(f"conditional {name}", f"/conditional{path}", method, headers=headers)


_MODIFIED = "Sat, 29 Feb 2020 12:30:01 GMT"

REQUESTS: list[Ask] = [
    *(ask(path, f"/{path}") for path in VIEWS if not path.startswith(("close", "conditional"))),
    ask("post location", "/set/location", "POST"),
    ask("close list", "/close/list"),
    ask("close generator", "/close/generator"),
    ask("close head", "/close/generator", "HEAD"),
    ask("close file", "/close/file"),
    ask("closed", "/closed"),
    condition("plain", {}),
    condition("etag", {"If-None-Match": '"tag"'}),
    condition("etag weak", {"If-None-Match": 'W/"tag"'}),
    condition("etag other", {"If-None-Match": '"other", "more"'}),
    condition("etag list", {"If-None-Match": '"other", "tag"'}),
    condition("etag star", {"If-None-Match": "*"}),
    condition("etag unquoted", {"If-None-Match": "tag"}),
    condition("etag post", {"If-None-Match": '"tag"'}, "POST"),
    condition("since", {"If-Modified-Since": _MODIFIED}),
    condition("since earlier", {"If-Modified-Since": "Fri, 28 Feb 2020 12:30:01 GMT"}),
    condition("since bad", {"If-Modified-Since": "yesterday"}),
    condition("since, other etag", {"If-Modified-Since": _MODIFIED, "If-None-Match": '"x"'}),
    condition("match", {"If-Match": '"tag"'}),
    condition("match other", {"If-Match": '"other"'}),
    condition("unmodified", {"If-Unmodified-Since": "Fri, 28 Feb 2020 12:30:01 GMT"}),
    condition("range ignored", {"Range": "bytes=0-1"}),
    condition("range", {"Range": "bytes=2-4"}, path="/ranges"),
    condition("range last", {"Range": "bytes=-3"}, path="/ranges"),
    condition("range open", {"Range": "bytes=7-"}, path="/ranges"),
    condition("range outside", {"Range": "bytes=20-30"}, path="/ranges"),
    condition("range two", {"Range": "bytes=0-1,4-5"}, path="/ranges"),
    condition("range backwards", {"Range": "bytes=4-2"}, path="/ranges"),
    condition("range unit", {"Range": "items=0-1"}, path="/ranges"),
    condition("range if", {"Range": "bytes=0-1", "If-Range": '"tag"'}, path="/ranges"),
    condition("range if not", {"Range": "bytes=0-1", "If-Range": '"other"'}, path="/ranges"),
    condition("range if date", {"Range": "bytes=0-1", "If-Range": _MODIFIED}, path="/ranges"),
    condition("range head", {"Range": "bytes=2-4"}, "HEAD", path="/ranges"),
]
