"""What the short ways through the core save, each against the long way that it stands for.

    python -m benchmarks.shortcuts

Every figure beside a PERF comment in src/kolben/core comes from here: microseconds of CPU
time, the best of several batches, both ways measured in turns.
"""

from __future__ import annotations

import hmac
import json
import re
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from typing import Any

from itsdangerous import URLSafeTimedSerializer
from werkzeug.datastructures import CallbackDict, EnvironHeaders, Headers, MultiDict
from werkzeug.exceptions import NotFound
from werkzeug.formparser import FormDataParser
from werkzeug.http import dump_cookie
from werkzeug.local import LocalProxy
from werkzeug.sansio.http import parse_cookie
from werkzeug.test import EnvironBuilder, create_environ
from werkzeug.urls import iri_to_uri
from werkzeug.utils import redirect
from werkzeug.wrappers import Request as WerkzeugRequest
from werkzeug.wrappers import Response as WerkzeugResponse
from werkzeug.wsgi import get_input_stream

from benchmarks.cycle_shortcuts import cycle
from benchmarks.file_shortcuts import files, uploads
from benchmarks.parts import measure
from benchmarks.template_shortcuts import templates, urls
from kolben import Flask, Request, Response, current_app, request
from kolben.core import hosts
from kolben.core.body import read_small_body
from kolben.core.client_cookies import find_cookie, parse_cookies
from kolben.core.context import AppContext, RequestContext
from kolben.core.cookies import cookie_header
from kolben.core.current import find_context, the_request
from kolben.core.fields import ImmutableMultiDict, multi_dict_of, parse_fields
from kolben.core.lazy import lazy
from kolben.core.outgoing import _is_uri
from kolben.core.pages import error_page, redirect_page
from kolben.core.response import (
    known_length,
    length_header,
    plain_header,
    plain_response,
    set_code,
)
from kolben.core.router import _leads_nowhere, _methods_at, _walk
from kolben.core.signing import encode, may_hold, pack
from kolben.entry.outgoing import _is_as_it_is, _is_plain
from kolben.entry.refusals import check_line
from kolben.json import dumps, dumps_compact, loads, loads_text
from kolben.json.provider import standard_default
from kolben.json.tag import TaggedJSONSerializer
from kolben.json.text import decode_json, json_writer, read_json
from kolben.sessions import SecureCookieSession, _vary_by_cookie

Call = Callable[[], Any]
DAY_S = 86_400

# kolben.core.hosts._HOST as one would first write it.
_PLAIN_LABEL = r"[a-z0-9_\x80-\U0010ffff-]{1,63}"
PLAIN_HOST = rf"((?:{_PLAIN_LABEL}\.)*{_PLAIN_LABEL}\.?|\[[a-f0-9:.]+\])(?::([1-9][0-9]{{0,4}})?)?"


def compile_anew(pattern: str, flags: int = 0) -> None:
    """Compile a pattern that has not been before."""
    re.purge()
    re.compile(pattern, flags)


def shortcuts() -> Iterator[tuple[str, Call, Call]]:
    """Yield the name of each short way, it, and the long way."""
    content_type = ("Content-Type", "text/html; charset=utf-8")
    yield (
        "plain_response instead of Response()",
        lambda: plain_response(Response, b"text", content_type),
        lambda: Response("text"),
    )

    def validate_anew() -> None:
        hosts.known_hosts.discard("localhost:5000")
        hosts.is_valid_host("localhost:5000")

    hosts.is_valid_host("localhost:5000")
    yield (
        "a host that is known",
        lambda: hosts.is_valid_host("localhost:5000"),
        validate_anew,
    )
    yield (
        "the pattern of a host compiled",
        lambda: compile_anew(hosts._HOST),
        lambda: compile_anew(PLAIN_HOST, re.IGNORECASE),
    )
    environ = create_environ("/")
    error = NotFound()
    yield (
        "an HTTP error's response, not its call",
        lambda: Response.force_type(error.get_response(environ)),
        lambda: Response.force_type(error, environ),  # type: ignore[arg-type]  # a callable
    )
    yield (
        "the page of an error that never differs",
        lambda: error_page(error, Response),
        lambda: Response.force_type(error.get_response(environ)),
    )


def refusals() -> Iterator[tuple[str, Call, Call]]:
    """Yield looks for what HTTP forbids, and the same by a pattern."""
    find_line = re.compile(r"[^a-z]*[A-Z][^a-z]* /|OPTIONS \*").match
    method, path = "GET", "/greeting/Mark"
    yield (
        "a request line without a pattern",
        lambda: check_line(method, path),
        lambda: find_line(f"{method} {path}"),
    )
    app: Any = current_app
    root = app.engine.router._root
    parts = path.split("/")
    yield (
        "a path that no rule begins like",
        lambda: _leads_nowhere(root, parts),
        lambda: _walk(root, parts, 0, method, []) or frozenset(_methods_at(root, parts, 0)),
    )


def answers() -> Iterator[tuple[str, Call, Call]]:
    """Yield the same for what views return."""
    value = {"message": "Hello, world!"}
    options: dict[str, Any] = {"default": standard_default, "separators": (",", ":")}
    write = json_writer(standard_default, True, True, separators=(",", ":"))
    yield (
        "a small object as JSON",
        lambda: write(value),
        lambda: json.dumps(value, sort_keys=True, **options),
    )
    app: Any = current_app
    provider = app.json
    separators = (",", ":")
    yield (
        "the body and type of a JSON response",
        lambda: provider._page(app, value),
        lambda: (
            f"{provider.dumps(value, separators=separators)}\n".encode(),
            not app.debug and plain_header(app.response_class, provider.mimetype),
        ),
    )
    response = Response("text")
    body = b"Hello, world!"
    length_header(len(body))
    yield (
        "the length of a small body",
        lambda: known_length(len(body)) or length_header(len(body)),
        lambda: ("Content-Length", str(len(body))),
    )
    yield (
        "a body looked at before it goes out",
        lambda: _is_as_it_is(response),
        lambda: (
            _is_plain.get(type(response))
            and type(response.response) is list
            and not response._on_close
            and all(type(part) is bytes for part in response.response)
        ),
    )

    def set_status_code() -> None:
        response.status_code = 201

    yield "a status given as a number", lambda: set_code(response, 201), set_status_code
    yield (
        "the page of a redirect",
        lambda: redirect_page(Response, "/", 302),
        lambda: redirect("/", 302, Response),
    )
    address = "https://example.com/login?next=%2Fhome"
    yield (
        "an address that goes out as it is",
        lambda: _is_uri(address),
        lambda: iri_to_uri(address),
    )
    environ = {"REQUEST_METHOD": "GET", "HTTP_IF_NONE_MATCH": '"a"'}

    def compare_tags(kind: type[WerkzeugResponse]) -> Call:
        tagged = kind("text", headers={"ETag": '"a"', "Date": ""})
        return lambda: tagged.make_conditional(environ)

    yield "If-None-Match answered", compare_tags(Response), compare_tags(WerkzeugResponse)


class _OfSource(Request):
    """Reads its method and query as it does all else."""

    @lazy
    def method(self) -> str:
        """The method, in upper case."""
        return self.source.method()

    @lazy
    def args(self) -> Any:
        """The fields of the query string."""
        source = self._source
        text = source.query_text() if source else self.environ.get("QUERY_STRING", "")
        if not text.isascii():
            text = self.query_string.decode("utf-8", "werkzeug.url_quote")
        return multi_dict_of(self.parameter_storage_class, text)


def bodies() -> Iterator[tuple[str, Call, Call]]:
    """Yield the same for what clients send."""
    raw = b'{"name": "piston", "count": 3}'
    text = raw.decode()
    for name, line in (("one field", "q=piston"), ("two fields", "name=piston&count=3")):
        yield (
            f"{name} of a query or form",
            partial(multi_dict_of, ImmutableMultiDict, line),
            partial(lambda line: ImmutableMultiDict(parse_fields(line)), line),
        )
    yield "a small object read from JSON", lambda: read_json(text), lambda: json.loads(text)
    yield (
        "the encoding of JSON",
        lambda: decode_json(raw),
        lambda: raw.decode(json.detect_encoding(raw)),
    )
    environ = EnvironBuilder(method="POST", data=raw, content_type="application/json").get_environ()

    def read(whose: Callable[[Request], Any]) -> Call:
        def again() -> Any:
            environ["wsgi.input"].seek(0)
            return whose(Request(environ))

        return again

    yield (
        "a small JSON body",
        read(lambda request: request.get_json()),
        read(WerkzeugRequest.get_json),
    )
    yield (
        "the method of a request",
        lambda: Request(environ).method,
        lambda: _OfSource(environ).method,
    )
    searched = create_environ("/search?q=piston")

    def read_anew(name: str, kind: type[Request] = Request) -> Call:
        asked = kind(searched)

        def again() -> Any:
            value = getattr(asked, name)
            del asked.__dict__[name]
            return value

        return again

    yield "the query of a request", read_anew("args"), read_anew("args", _OfSource)
    matched: Any = Request(searched)
    matched.method = "GET"
    yield "the method of a matched request", lambda: matched.method, read_anew("method")
    pairs: dict[str, str] = {}
    yield (
        "a pair put into a dict",
        lambda: dict.setdefault(pairs, "q", "piston"),
        lambda: dict.__setitem__(pairs, "q", "piston"),
    )
    environ_of_form = EnvironBuilder(method="POST", data={"name": "piston"}).get_environ()

    def read_form() -> Any:
        environ_of_form["wsgi.input"].seek(0)
        return Request(environ_of_form).form

    def parse_form() -> Any:
        environ_of_form["wsgi.input"].seek(0)
        anew = Request(environ_of_form)
        parser = FormDataParser(cls=anew.parameter_storage_class)
        length, kind = anew.content_length, anew.mimetype
        return parser.parse(anew.stream, kind, length, anew.mimetype_params)

    yield "a small form", read_form, parse_form


def proxies() -> Iterator[tuple[str, Call, Call]]:
    """Yield the same for what needs an active request."""
    theirs: Any = LocalProxy(the_request)
    with_body = Request(EnvironBuilder(method="POST", data=b"a=b").get_environ())

    def read_small() -> bytes:
        with_body.environ["wsgi.input"].seek(0)
        small = read_small_body(with_body)
        assert small is not None
        return small.read()

    def read_stream() -> bytes:
        with_body.environ["wsgi.input"].seek(0)
        return get_input_stream(with_body.environ, max_content_length=None).read()

    yield "a small body read at once", read_small, read_stream
    yield "an attribute of `request`", lambda: request.path, lambda: theirs.path
    environ = create_environ("/")
    yield (
        "the headers of a request",
        lambda: Request(environ).headers,
        lambda: EnvironHeaders(Request(environ).source.environ()),
    )
    app: Any = current_app

    def begin() -> RequestContext:
        new: Any = object.__new__
        begun: Any = new(RequestContext)
        begun.app = app
        begun._environ = environ
        begun.request = environ["werkzeug.request"] = asked = new(app.request_class)
        asked.environ = environ
        return begun

    yield "a request and its context", begin, lambda: RequestContext(app, environ)
    fields = multi_dict_of(ImmutableMultiDict, "q=piston")
    yield "a field read", lambda: fields["q"], lambda: MultiDict.__getitem__(fields, "q")
    context: Any = find_context()
    assert not context.session
    yield (
        "the session of a request",
        lambda: context.session,
        lambda: AppContext.session.fget(context),  # type: ignore[attr-defined]  # a property
    )


def cookies() -> Iterator[tuple[str, Call, Call]]:
    """Yield the same for cookies in both directions."""
    token = "eyJjb3VudCI6MX0.ZVPxAA.YDS_Z3qGlMufegk_3gHk3-M16TQ"
    line = f"theme=dark; session={token}; _ga=GA1.1.2"
    yield (
        "one cookie found in a line",
        lambda: find_cookie(line, "session"),
        lambda: parse_cookie(line).get("session"),
    )
    yield (
        "all cookies of a line",
        lambda: parse_cookies(line),
        lambda: parse_cookie(line),
    )
    yield (
        "a Set-Cookie of a known kind",
        lambda: cookie_header("session", token, httponly=True),
        lambda: dump_cookie("session", token, httponly=True),
    )
    end = datetime(2040, 1, 1, tzinfo=UTC)
    yield (
        "the same with a known end",
        lambda: cookie_header("session", token, None, end, httponly=True),
        lambda: dump_cookie("session", token, None, end, httponly=True),
    )
    headers = Headers()

    def add(by: Callable[[], Any]) -> None:
        headers._list = []
        by()

    yield (
        "a header added to a list",
        lambda: add(lambda: headers._list.append(("Set-Cookie", token))),
        lambda: add(lambda: headers.add("Set-Cookie", token)),
    )


def sessions() -> Iterator[tuple[str, Call, Call]]:
    """Yield the same for sessions and the tokens that carry them."""
    app = Flask(__name__)
    app.secret_key = "a key"
    interface: Any = app.session_interface
    ours: Any = interface.get_signing_serializer(app)
    theirs: Any = URLSafeTimedSerializer(
        "a key",
        salt=interface.salt,
        serializer=interface.serializer,
        signer_kwargs={"key_derivation": "hmac"},
    )
    content = {"count": 1}
    token = theirs.dumps(content)
    assert token.rpartition(".")[0] == ours.dumps(content).rpartition(".")[0]
    yield "a token written", lambda: ours.dumps(content), lambda: theirs.dumps(content)
    yield "a token read", lambda: ours.loads(token, DAY_S), lambda: theirs.loads(token, DAY_S)
    signer = ours.make_signer()
    key = signer.derive_key()
    yield (
        "an HMAC",
        lambda: signer.signs[0](b"a value"),
        lambda: hmac.digest(key, b"a value", "sha1"),
    )
    raw = b'{"count":1}'
    yield (
        "a short text not compressed",
        lambda: pack(raw),
        lambda: (zlib.compress(raw), encode(raw)),
    )
    yield from _tags(interface.serializer, content)
    session = SecureCookieSession()
    yield (
        "a value put into a session",
        lambda: session.__setitem__("a", 1),
        lambda: CallbackDict.__setitem__(session, "a", 1),
    )
    yield (
        "a session of the browser's, left alone",
        lambda: may_hold(token, b"_permanent"),
        lambda: SecureCookieSession(ours.loads(token, DAY_S)).permanent,
    )

    def vary(by: Callable[[Any], Any]) -> None:
        by(plain_response(Response, b"text", ("Content-Type", "text/html")))

    yield (
        "Vary: Cookie",
        lambda: vary(_vary_by_cookie),
        lambda: vary(lambda response: response.vary.add("Cookie")),
    )


def _tags(serializer: Any, content: dict[str, Any]) -> Iterator[tuple[str, Call, Call]]:
    """Yield the same for tagged JSON."""
    unhurried = TaggedJSONSerializer()
    unhurried._is_usual = False
    yield (
        "tagged JSON written",
        lambda: dumps_compact(content),
        lambda: dumps(content, separators=(",", ":")),
    )
    yield (
        "a dict with nothing to tag, written",
        lambda: serializer.dumps(content),
        lambda: unhurried.dumps(content),
    )
    yield "a dict tagged", lambda: serializer.tag(content), lambda: unhurried.tag(content)
    text = '{"count":1}'
    with Flask(__name__).app_context():
        yield "a text read with an app's provider", lambda: loads_text(text), lambda: loads(text)
    yield "no tag in a text", lambda: serializer.loads(text), lambda: unhurried.loads(text)


def main() -> None:
    """Print a line for each short way."""
    with Flask(__name__).test_request_context():
        ways = (
            shortcuts,
            refusals,
            answers,
            bodies,
            proxies,
            cookies,
            sessions,
            urls,
            templates,
            uploads,
            files,
            cycle,
        )
        for name, short, long in chain.from_iterable(way() for way in ways):
            pairs = [(measure(short), measure(long)) for _ in range(3)]
            best_short, best_long = (min(side) for side in zip(*pairs, strict=True))
            print(f"{name:42}{best_short:8.2f} us instead of {best_long:6.2f} us")


if __name__ == "__main__":
    main()
