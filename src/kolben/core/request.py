"""The request: a Werkzeug request whose every part is read when it is first asked for."""

from __future__ import annotations

import json
from io import BytesIO
from typing import IO, Any, Self, overload

from werkzeug.datastructures import Headers, MultiDict
from werkzeug.exceptions import BadRequest, HTTPException, UnsupportedMediaType
from werkzeug.routing import Rule

from kolben.core.body import BoundedFormParser, parse_content_type, read_small_body
from kolben.core.body_stream import open_body
from kolben.core.client_headers import ClientHeaders
from kolben.core.current import find_context
from kolben.core.environ_headers import headers_of
from kolben.core.exchange import Exchange
from kolben.core.fields import ImmutableMultiDict, multi_dict_of
from kolben.core.ids import choose_id, read_trace_id
from kolben.core.lazy import lazy
from kolben.core.parts import StreamedParts
from kolben.core.quick_bodies import NOT_READ, read_form, read_json
from kolben.core.source import EnvironSource, Source
from kolben.typing import WSGIEnvironment


class Limit:
    """A limit in bytes or parts: as set on the request, else as the app is configured.

    key: in the configuration. default: outside of an app. None: no limit.
    """

    def __init__(self, key: str, default: int | None) -> None:
        self.key = key
        self.slot = f"_{key.lower()}"
        self.default = default

    def __get__(self, request: Request | None, owner: type) -> Any:
        if request is None:
            return self.default
        own = getattr(request, self.slot)
        if own is not None:
            return own
        context = find_context()
        return self.default if context is None else context.app.config[self.key]

    def __set__(self, request: Request, value: int | None) -> None:
        setattr(request, self.slot, value)


class QueryFields:
    """The fields of the query string; RequestEntityTooLarge (413) above 10,000."""

    # PERF: worked out here, which @lazy would call for: 0.77 us instead of 0.84 us
    # (benchmarks/shortcuts.py).
    @overload
    def __get__(self, request: None, owner: type) -> Self: ...
    @overload
    def __get__(self, request: Request, owner: type) -> MultiDict[str, str]: ...
    def __get__(self, request: Any, owner: type) -> Self | MultiDict[str, str]:
        if request is None:
            return self
        source = request._source
        text = source.query_text() if source else request.environ.get("QUERY_STRING", "")
        if not text.isascii():
            text = request.query_string.decode("utf-8", "werkzeug.url_quote")
        fields: MultiDict[str, str] = multi_dict_of(request.parameter_storage_class, text)
        request.args = fields
        return fields


class Request(ClientHeaders):
    """What a client asked, with what the app made of it.

    url_rule, view_args: the rule that matched and the values in the path; None before
    matching and where nothing matches, in which case routing_exception says why.
    """

    form_data_parser_class = BoundedFormParser

    url_rule: Rule | None = None
    view_args: dict[str, Any] | None = None
    routing_exception: HTTPException | None = None
    parameter_storage_class = ImmutableMultiDict

    shallow = False
    # That of an entry other than WSGI.
    _source: Source | None = None
    # What a server that is watched knows of it.
    exchange: Exchange | None = None
    # Files were sent, which are closed at the end of the request.
    has_files = False
    _form_error: HTTPException | None = None

    # The most bytes of a body to read; of a multipart field that is no file; and the most
    # parts of a multipart body. More is 413.
    max_content_length: Any = Limit("MAX_CONTENT_LENGTH", None)
    max_form_memory_size: Any = Limit("MAX_FORM_MEMORY_SIZE", 500_000)
    max_form_parts: Any = Limit("MAX_FORM_PARTS", 1_000)
    # FLASK: what of these was set on the request.
    _max_content_length: int | None = None
    _max_form_memory_size: int | None = None
    _max_form_parts: int | None = None

    def __init__(
        self,
        environ: WSGIEnvironment,
        populate_request: bool = True,
        shallow: bool = False,
    ) -> None:
        # Not super().__init__: it reads the whole environ, and most views need little of it.
        self.environ = environ  # pyright: ignore[reportAttributeAccessIssue, reportIncompatibleVariableOverride]
        if shallow:
            self.shallow = True
        elif populate_request:
            environ["werkzeug.request"] = self

    @classmethod
    def of(cls, source: Source) -> Self:
        """Make the request of an entry other than WSGI, for which an environ is made when asked."""
        request = cls.__new__(cls)
        request._source = source
        request.source = source  # pyright: ignore[reportAttributeAccessIssue]
        return request

    @lazy
    def source(self) -> Source:
        """Where the parts below are read from; an entry other than WSGI sets its own."""
        return EnvironSource(self.environ)

    @lazy
    def environ(self) -> WSGIEnvironment:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The request as WSGI says it (PEP 3333), whatever its entry."""
        return self.source.environ()

    # The parts that a Werkzeug request reads when it is made.

    @lazy
    def method(self) -> str:
        """The method, in upper case."""
        source = self._source
        if source is not None and "environ" not in self.__dict__:
            return source.method()
        # PERF: without a source made for it: 0.5 us instead of 0.7 us (benchmarks/shortcuts.py).
        return str(self.environ.get("REQUEST_METHOD", "GET")).upper()

    @lazy
    def scheme(self) -> str:
        """`http` or `https` (`ws`, `wss` for a WebSocket)."""
        return self.source.scheme()

    @lazy
    def server(self) -> tuple[str, int | None] | None:
        """The server's (host, port); (path, None) for a unix socket."""
        return self.source.server()

    @lazy
    def root_path(self) -> str:
        """The prefix the app is mounted under, without a slash at its end."""
        return self.source.root_path()

    @lazy
    def path(self) -> str:
        """The path below root_path, decoded, with one slash at its start."""
        return self.source.path()

    @lazy
    def query_string(self) -> bytes:
        """What follows the question mark, undecoded."""
        return self.source.query_string()

    @lazy
    def headers(self) -> Headers:
        """The request's headers."""
        if self._source is not None:
            return self._source.headers()
        # PERF: without a source made for it: 0.4 us instead of 0.7 us (benchmarks/shortcuts.py).
        return headers_of(self.environ)

    @lazy
    def remote_addr(self) -> str | None:
        """The address of the peer; behind a proxy that is the proxy, unless ProxyFix is on."""
        return self.source.remote_addr()

    args = QueryFields()  # pyright: ignore[reportAssignmentType, reportIncompatibleMethodOverride]

    # What the app knows of it.

    @lazy
    def id(self) -> str:
        """Its name in logs: the X-Request-ID it came with, or one that is made now."""
        exchange = self.exchange
        return choose_id(self.headers.get("X-Request-ID")) if exchange is None else exchange.id

    @lazy
    def trace_id(self) -> str | None:
        """The trace that its `traceparent` names (W3C Trace Context); None without one."""
        exchange = self.exchange
        if exchange is not None:
            return exchange.trace_id
        return read_trace_id(self.headers.get("traceparent"))

    @property
    def endpoint(self) -> str | None:
        """The endpoint that matched; None if nothing did."""
        return None if self.url_rule is None else self.url_rule.endpoint

    @property
    def blueprint(self) -> str | None:
        """The name of the blueprint the endpoint belongs to, parents included."""
        endpoint = self.endpoint
        if endpoint is None or "." not in endpoint:
            return None
        return endpoint.rpartition(".")[0]

    @property
    def blueprints(self) -> list[str]:
        """The names of that blueprint and of its parents, the innermost first."""
        name = self.blueprint
        return [] if name is None else split_blueprint_path(name)

    # Bodies.

    @lazy
    def json_module(self) -> Any:  # pyright: ignore[reportIncompatibleVariableOverride]
        """What reads JSON: the app's provider; outside of a context, the standard library's."""
        context = find_context()
        return json if context is None else context.app.json

    def _parse_content_type(self) -> None:
        if "_parsed_content_type" not in self.__dict__:
            self._parsed_content_type = parse_content_type(self.headers.get("Content-Type", ""))

    @lazy
    def stream(self) -> IO[bytes]:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The body as a stream that ends where it does; empty once something has read it.

        Raises RequestEntityTooLarge (413) above the limit, at once or where it is reached.
        """
        if self.shallow:
            return super().stream  # it says why there is none
        source = self._source
        if source is not None and "environ" not in self.__dict__:
            # PERF: without an environ made for it: 32 us a request instead of 36 us, all in all
            # (benchmarks/serving.py).
            body = source.small_body()
            if body is not None:
                most = self.max_content_length
                if most is None or len(body.getvalue()) <= most:
                    return body
        given: Any = self.environ["wsgi.input"]
        if hasattr(given, "__aiter__") and not isinstance(given, BytesIO):
            return given  # type: ignore[no-any-return]  # it comes while it is read, and knows its own limits
        small = read_small_body(self)
        return open_body(self.environ, self.max_content_length) if small is None else small

    def parts(self) -> StreamedParts:
        """Read a multipart body part by part, with `for` or `async for`, keeping none of it.

        To begin before all of it has come, the route says stream_body=True. Raises
        UnsupportedMediaType (415) for another kind of body.
        """
        self._parse_content_type()
        mimetype, options = self._parsed_content_type
        boundary = options.get("boundary", "")
        if mimetype != "multipart/form-data" or not boundary.isascii() or not boundary:
            raise UnsupportedMediaType("The body has to be multipart/form-data, with a boundary.")
        return StreamedParts(self, boundary.encode())

    @lazy
    def form(self) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The fields of a form."""
        self._load_form_data()
        return self.__dict__["form"]

    @lazy
    def files(self) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The files of a multipart form."""
        self._load_form_data()
        found = self.__dict__.get("files")
        return self.parameter_storage_class() if found is None else found

    def _load_form_data(self) -> None:
        if self._form_error is not None:
            # What broke has been read: a second try would find an empty form.
            raise self._form_error
        if "form" in self.__dict__:
            return
        try:
            if read_form(self, Request):
                return
            super()._load_form_data()
        except HTTPException as error:
            self._form_error = error
            raise
        self.has_files = bool(self.files)
        context = find_context()
        if (
            context is not None
            and context.app.debug
            and self.mimetype != "multipart/form-data"
            and not self.files
        ):
            context.app._explain_missing_files(self)

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:
        """Parse the body as JSON.

        force: whatever the content type says; otherwise another one than JSON is
        UnsupportedMediaType (415). silent: None instead of an error. Broken JSON, also
        JSON nested deeper than the parser goes, is BadRequest (400).
        """
        try:
            if cache and "_cached_json" not in self.__dict__:
                value = read_json(self, Request, force)
                if value is not NOT_READ:
                    return value
            return super().get_json(force=force, silent=silent, cache=cache)
        except RecursionError:
            if silent:
                return None
            return self.on_json_loading_failed(ValueError("It is nested too deep."))

    def on_json_loading_failed(self, e: ValueError | None) -> Any:
        """Answer 400 (broken) or 415 (another type); what was wrong is shown in debug mode."""
        try:
            return super().on_json_loading_failed(e)
        except BadRequest as error:
            context = find_context()
            if context is not None and context.app.debug:
                raise
            raise BadRequest from error


def split_blueprint_path(name: str) -> list[str]:
    """List a dotted blueprint name and its parents: `a.b` -> `["a.b", "a"]`."""
    names = [name]
    while "." in name:
        name = name.rpartition(".")[0]
        names.append(name)
    return names
