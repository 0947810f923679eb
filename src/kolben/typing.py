"""Every type alias; the only file that looks up the names of higher floors, for checkers alone."""

from __future__ import annotations

from collections.abc import (
    AsyncIterable,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    MutableMapping,
    Sequence,
)
from typing import TYPE_CHECKING, Any, TypeVar, Union

from kolben.flask_names import lend_names

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse as StartResponse
    from _typeshed.wsgi import WSGIApplication as WSGIApplication
    from _typeshed.wsgi import WSGIEnvironment as WSGIEnvironment
    from jinja2 import BaseLoader as BaseLoader
    from werkzeug.datastructures import Headers
    from werkzeug.sansio.response import Response as AnyResponse

    from kolben.app import Flask
    from kolben.blueprints import Blueprint as Blueprint
    from kolben.commands import AppGroup as AppGroup
    from kolben.core.context import AppContext as AppContext
    from kolben.core.context import RequestContext as RequestContext
    from kolben.core.engine import Engine as Engine
    from kolben.core.request import Request as Request
    from kolben.core.response import Response as Response
    from kolben.core.websocket import WebSocket as WebSocket
    from kolben.entry.serving import Serving as Serving
    from kolben.health import HealthChecks as HealthChecks
    from kolben.server.tracing import Tracer as Tracer
    from kolben.sessions import SessionMixin as SessionMixin
    from kolben.templating import DispatchingJinjaLoader as DispatchingJinjaLoader
    from kolben.templating import Environment
    from kolben.testing import AsyncFlaskClient as AsyncFlaskClient
    from kolben.testing import FlaskClient as FlaskClient
    from kolben.testing import FlaskCliRunner as FlaskCliRunner

    App = Flask
    JinjaEnvironment = Environment
else:
    # At run time these are only ever annotations, which nobody evaluates.
    AppGroup = BaseLoader = DispatchingJinjaLoader = JinjaEnvironment = Any
    App = Blueprint = AppContext = AsyncFlaskClient = Engine = FlaskClient = FlaskCliRunner = (
        HealthChecks
    ) = RequestContext = Request = Response = Serving = SessionMixin = Tracer = WebSocket = Any
    StartResponse = WSGIApplication = WSGIEnvironment = Headers = AnyResponse = Any

# What a view may return: kolben.core.returns turns each into a Response.
ResponseValue = Union[
    "AnyResponse",
    str,
    bytes,
    list[Any],
    Mapping[str, Any],
    Iterator[str],
    Iterator[bytes],
    AsyncIterable[str],
    AsyncIterable[bytes],
]
HeaderValue = Union[str, list[str], tuple[str, ...]]
HeadersValue = Union[
    "Headers",
    Mapping[str, HeaderValue],
    Sequence[tuple[str, HeaderValue]],
]
ResponseReturnValue = Union[
    ResponseValue,
    tuple[ResponseValue, HeadersValue],
    tuple[ResponseValue, int],
    tuple[ResponseValue, int, HeadersValue],
    "WSGIApplication",
]
ResponseClass = TypeVar("ResponseClass", bound="AnyResponse")

# What the decorators of an app or a blueprint take; each may be async.
AppOrBlueprintKey = Union[str, None]
AfterRequestCallable = Union[
    Callable[[ResponseClass], ResponseClass],
    Callable[[ResponseClass], Awaitable[ResponseClass]],
]
BeforeFirstRequestCallable = Union[Callable[[], None], Callable[[], Awaitable[None]]]
BeforeRequestCallable = Union[
    Callable[[], Union[ResponseReturnValue, None]],
    Callable[[], Awaitable[Union[ResponseReturnValue, None]]],
]
ShellContextProcessorCallable = Callable[[], dict[str, Any]]
TeardownCallable = Union[
    Callable[[Union[BaseException, None]], None],
    Callable[[Union[BaseException, None]], Awaitable[None]],
]
TemplateContextProcessorCallable = Union[
    Callable[[], dict[str, Any]],
    Callable[[], Awaitable[dict[str, Any]]],
]
TemplateFilterCallable = Callable[..., Any]
TemplateGlobalCallable = Callable[..., Any]
TemplateTestCallable = Callable[..., bool]
URLDefaultCallable = Callable[[str, dict[str, Any]], None]
URLValuePreprocessorCallable = Callable[[Union[str, None], Union[dict[str, Any], None]], None]
ErrorHandlerCallable = Union[
    Callable[[Any], ResponseReturnValue],
    Callable[[Any], Awaitable[ResponseReturnValue]],
]
RouteCallable = Union[
    Callable[..., ResponseReturnValue],
    Callable[..., Awaitable[ResponseReturnValue]],
]
# What a WebSocket's decorators take. What a view or a before_websocket function returns answers a
# handshake that was not accepted; an after_websocket function gets and gives that, None without.
SocketCallable = Callable[..., Awaitable[Any]]
AfterSocketCallable = Union[
    Callable[[Any], Union["AnyResponse", None]],
    Callable[[Any], Awaitable[Union["AnyResponse", None]]],
]
ErrorHandlers = dict[Union[type[Exception], None], Any]
View = Callable[..., Any]
Hook = Callable[..., Any]
WSGIBody = Iterable[bytes]
# The body of a response that nobody looks at as one, and its Content-Type header.
Page = tuple[bytes, tuple[str, str]]
# What a server takes: body, status, headers. The body is a list where it is no stream.
Outgoing = tuple[Iterable[bytes], str, list[tuple[str, str]]]

# ASGI (https://asgi.readthedocs.io): a connection, and its messages in and out.
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
# ASGI 3, an application.
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

lend_names(globals())
