"""The app from its first request on: the methods of its cycle, each a line over the core.

Any of them may be overridden, in a subclass or on the instance; the engine then goes through
all of them (kolben.core.engine.STEPS).
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from inspect import iscoroutinefunction
from types import FunctionType, SimpleNamespace
from typing import Any, NoReturn, Self

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, MapAdapter, RequestRedirect

from kolben.app_setup import App
from kolben.core import errors, steps, urls
from kolben.core.context import BEING_HANDLED, AppContext, RequestContext
from kolben.core.current import find_context, the_request_context
from kolben.core.cycle import tear_down_app, tear_down_request
from kolben.core.engine import ERROR_STEPS, STEPS, WSGI_STEPS, Engine
from kolben.core.hosts import check_host
from kolben.core.lazy import lazy
from kolben.core.proxies import g, request
from kolben.core.request import Request
from kolben.core.response import Response
from kolben.core.returns import make_response
from kolben.core.source import KNOWN_SCHEMES
from kolben.debughelpers import FormDataRoutingRedirect, attach_enctype_error_multidict
from kolben.entry import wsgi
from kolben.entry.asgi_sign import ASGIMethod, put_sign
from kolben.entry.awaitable import in_thread, on_loop
from kolben.flask_names import lend_names
from kolben.logging import escape
from kolben.scaffold import F
from kolben.sessions import SecureCookieSessionInterface
from kolben.template_context import update_template_context
from kolben.typing import (
    AsyncFlaskClient,
    FlaskClient,
    FlaskCliRunner,
    HealthChecks,
    ResponseReturnValue,
    Serving,
    WSGIEnvironment,
)


class _EngineOfApp:
    """Makes an app's engine where there is none, and stores it in the app.

    Both under the lock under which an engine is forgotten: one that was made while another
    thread changed the app does not stay. It has no __set__, so the stored engine hides it.
    """

    def __get__(self, app: Flask | None, owner: type) -> Any:
        if app is None:
            return self
        with app._engine_lock:
            engine = app.__dict__.get("engine")
            if engine is None:
                engine = Engine(app, _OWN_STEPS, SecureCookieSessionInterface)
                app.__dict__["engine"] = engine
            return engine


def _bind_to_environ(
    url_map: Map, environ: WSGIEnvironment, server_name: str | None, subdomain: str | None
) -> MapAdapter:
    """Make what matches and builds the URLs of a request."""
    return url_map.bind_to_environ(environ, server_name=server_name, subdomain=subdomain)


# FLASK: Werkzeug warns of a foreign host in the name of the module that calls it, and filters of
# warnings name Flask's.
_bind: Callable[..., MapAdapter] = FunctionType(
    _bind_to_environ.__code__, {"__name__": "flask.app"}, "_bind_to_environ"
)


class _LateEntry:
    """Stands for an entry's function, which takes its place when it is first asked for.

    asyncio, and what the entries for it need, is loaded then: an app on WSGI starts without it.
    wrap: makes the descriptor that stands in the class from then on; the function itself is one.
    """

    def __init__(
        self, module: str, function: str, wrap: Callable[[Any], Any] | None = None
    ) -> None:
        self._function = (module, function)
        self._wrap = wrap

    def __set_name__(self, owner: type, name: str) -> None:
        self._place = (owner, name)

    def __get__(self, app: Flask | None, owner: type) -> Any:
        from importlib import import_module  # starts faster without it

        module, function = self._function
        found = getattr(import_module(module), function)
        if self._wrap is not None:
            found = self._wrap(found)
        setattr(*self._place, found)
        return found.__get__(app, owner)


class Flask(App):
    """A web application: a WSGI callable, and the registry of all that it answers with.

    import_name: usually __name__; folders are looked for beside that module. The other
    arguments, all optional, say where static files, templates and the instance folder are,
    and whether rules match hosts or subdomains.
    """

    # What requests are answered from; made anew after each change of its parts.
    engine: Engine = _EngineOfApp()  # type: ignore[assignment]  # acts as the attribute

    # Entries.

    def __new__(cls, *arguments: Any, **options: Any) -> Self:
        """Make an app that servers can see is ASGI as well as WSGI."""
        app = super().__new__(cls)
        put_sign(app, _OWN_STEPS.__call__)
        return app

    def __call__(self, environ: Any, start_response: Any = None, send: Any = None) -> Any:
        """Answer a WSGI request, through the middleware that stands in wsgi_app.

        Called as ASGI calls (scope, receive, send), or as its second version did (scope), it
        answers as asgi_app.
        """
        if send is None and start_response is not None:
            return self.wsgi_app(environ, start_response)
        if send is None:
            return partial(self.asgi_app, environ)
        return self.asgi_app(environ, start_response, send)

    # PERF: the entries' own functions, not ones that call them: 0.06 us, and 0.2 us where a
    # coroutine would await another (benchmarks/shortcuts.py).
    wsgi_app = wsgi.wsgi_app
    asgi_app = _LateEntry("kolben.entry.asgi", "answer", ASGIMethod)
    __rsgi__ = _LateEntry("kolben.entry.rsgi", "answer")
    __rsgi_init__ = _LateEntry("kolben.entry.rsgi", "begin")
    __rsgi_del__ = _LateEntry("kolben.entry.rsgi", "end")

    def run(
        self,
        host: str | None = None,
        port: int | None = None,
        debug: bool | None = None,
        load_dotenv: bool = True,
        **options: Any,
    ) -> None:
        """Serve the app for development; for production there is `kolben serve`.

        host, port: else SERVER_NAME's, else 127.0.0.1 and 5000. debug: sets app.debug.
        load_dotenv: read .env and .flaskenv first. options: werkzeug.serving.run_simple's.
        """
        from kolben.dev.running import run_app  # starts faster without it

        run_app(self, host, port, debug, load_dotenv, options)

    # Life in a process.

    @lazy
    def serving(self) -> Serving:
        """What the app does before, after and beside requests."""
        from kolben.entry.serving import Serving  # starts faster without it

        return Serving(self)

    def _watch_loop(self) -> Any:
        """Begin to watch the running event loop, if in debug mode; return what ends that."""
        if not self.debug:
            return None
        from kolben.dev.loop_guard import watch_loop  # starts faster without it

        return watch_loop(self)

    def before_serving(self, f: F) -> F:
        """Run `f()`, plain or async, once in each process before it answers requests."""
        self.serving.before.append(f)
        return f

    def after_serving(self, f: F) -> F:
        """Run `f()`, plain or async, once in each process after its last request."""
        self.serving.after.append(f)
        return f

    def while_serving(self, f: F) -> F:
        """Run a generator, plain or async, up to its yield before requests, the rest after them."""
        self.serving.around.append(f)
        return f

    def add_background_task(self, func: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Run a function, plain or async, beside requests and in a context of the app.

        It goes on when the response is sent. At the end of the process it is waited for up to
        BACKGROUND_TASK_SHUTDOWN_TIMEOUT seconds (5), and then cut off and named in the log.
        """
        self.serving.add(func, *args, **kwargs)

    @lazy
    def health_checks(self) -> HealthChecks:
        """What is asked whether this process is ready for requests."""
        from kolben.health import HealthChecks  # starts faster without it

        return HealthChecks(self)

    def add_health_check(
        self, name: str, function: Callable[[], Any], timeout_s: float = 2.0
    ) -> None:
        """Ask `function()`, plain or async, in a context of the app, before /readyz says yes.

        It returns False or raises if what it is about is not there. timeout_s: it has to answer
        within so many seconds.
        """
        self.health_checks.add(name, function, timeout_s)

    # Contexts.

    def app_context(self) -> AppContext:
        """Make a context of the app, to be used in a with statement."""
        return AppContext(self)

    def request_context(self, environ: WSGIEnvironment) -> RequestContext:
        """Make the context of a WSGI request."""
        return RequestContext(self, environ)

    def test_request_context(self, *args: Any, **kwargs: Any) -> RequestContext:
        """Make the context of a made-up request; arguments: werkzeug.test.EnvironBuilder's."""
        from kolben.testing import EnvironBuilder  # starts faster without it

        builder = EnvironBuilder(self, *args, **kwargs)
        try:
            return self.request_context(builder.get_environ())
        finally:
            builder.close()

    def test_client(self, use_cookies: bool = True, **kwargs: Any) -> FlaskClient:
        """Make a client that calls the app without a server; kwargs: its class's."""
        from kolben import testing  # starts faster without it

        kind: Any = self.test_client_class or testing.FlaskClient
        client: FlaskClient = kind(self, self.response_class, use_cookies=use_cookies, **kwargs)
        return client

    def async_test_client(self, use_cookies: bool = True) -> AsyncFlaskClient:
        """Make a client for async tests, which answers on the test's own event loop."""
        from kolben import testing  # starts faster without it

        return testing.AsyncFlaskClient(self, use_cookies=use_cookies)

    def test_cli_runner(self, **kwargs: Any) -> FlaskCliRunner:
        """Make a runner that invokes the app's commands; kwargs: click.testing.CliRunner's."""
        from kolben import testing  # starts faster without it

        kind: Any = self.test_cli_runner_class or testing.FlaskCliRunner
        runner: FlaskCliRunner = kind(self, **kwargs)
        return runner

    def make_shell_context(self) -> dict[str, Any]:
        """Return the names that the `shell` command starts with."""
        names: dict[str, Any] = {"app": self, "g": g}
        for processor in self.shell_context_processors:
            names.update(processor())
        return names

    # Steps of the cycle.

    def full_dispatch_request(self) -> Response:
        """Run hooks and view of the current request and return the response."""
        return steps.full_dispatch(self)

    def preprocess_request(self) -> ResponseReturnValue | None:
        """Run what comes before the view; what it returns is the answer, if not None."""
        return steps.preprocess(self)  # type: ignore[no-any-return]  # a hook's own

    def dispatch_request(self) -> ResponseReturnValue:
        """Call the current request's view and return what it returns."""
        return steps.dispatch(self)  # type: ignore[no-any-return]  # a view's own

    def make_response(self, rv: ResponseReturnValue) -> Response:
        """Make what a view returned into a response; TypeError if it can't be."""
        return make_response(self, rv)

    def finalize_request(
        self, rv: ResponseReturnValue | HTTPException, from_error_handler: bool = False
    ) -> Response:
        """Make the response and run what comes after the view.

        from_error_handler: an error in that is logged and not raised.
        """
        return steps.finalize(self, rv, from_error_handler)

    def process_response(self, response: Response) -> Response:
        """Run after_request functions and save the session."""
        return steps.process_response(self, response)

    def do_teardown_request(self, exc: BaseException | None = BEING_HANDLED) -> None:
        """Run teardown_request functions; exc: by default the one being handled."""
        tear_down_request(self, the_request_context(), steps.being_handled(exc))

    def do_teardown_appcontext(self, exc: BaseException | None = BEING_HANDLED) -> None:
        """Run teardown_appcontext functions; exc: by default the one being handled."""
        tear_down_app(self, steps.being_handled(exc))

    def make_default_options_response(self) -> Response:
        """Answer OPTIONS with the methods that the URL takes."""
        response = self.response_class()
        adapter = the_request_context().url_adapter
        if adapter is not None:
            response.allow.update(adapter.allowed_methods())
        return response

    # Errors.

    def handle_http_exception(self, e: HTTPException) -> HTTPException | ResponseReturnValue:
        """Answer an HTTP error; without a handler it is its own answer."""
        return errors.answer_http_exception(self, e)  # type: ignore[no-any-return]  # a handler's

    def handle_user_exception(self, e: Exception) -> HTTPException | ResponseReturnValue:
        """Answer an exception of a view or hook; raise it if nothing does."""
        return errors.answer_user_exception(self, e)  # type: ignore[no-any-return]  # a handler's

    def handle_exception(self, e: Exception) -> Response:
        """Answer an exception that nothing handled: 500, or raise it if the app propagates."""
        return errors.answer_unhandled_exception(self, e)

    def log_exception(self, exc_info: Any) -> None:
        """Log an exception that nothing handled, with the request it happened in."""
        path, method = escape(request.path), escape(request.method)
        self.logger.error("Exception on %s [%s]", path, method, exc_info=exc_info)

    def raise_routing_exception(self, request: Request) -> NoReturn:
        """Raise why a request can't be routed.

        In debug mode a redirect that would lose a form is FormDataRoutingRedirect instead.
        """
        error = request.routing_exception
        if error is None:
            raise RuntimeError(f"{request!r} has no routing_exception to raise.")
        loses_form = (
            self.debug
            and isinstance(error, RequestRedirect)
            and error.code not in {307, 308}
            and request.method not in {"GET", "HEAD", "OPTIONS"}
        )
        raise FormDataRoutingRedirect(request) if loses_form else error

    def _explain_error(self, error: Exception) -> None:
        """Add to an error that only puzzles what it is about."""
        from kolben.dev.loop_guard import explain_foreign_loop  # starts faster without it

        explain_foreign_loop(error)

    def _explain_missing_files(self, request: Request) -> None:
        """Let request.files tell what a form that was sent without its files lacks."""
        attach_enctype_error_multidict(request)

    # URLs.

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Make what matches and builds URLs, for a request or from SERVER_NAME.

        None without either. Raises SecurityError (400) for a host that is refused.
        """
        config = self.config
        if request is not None:
            check_host(request, config["TRUSTED_HOSTS"])
            server_name = subdomain = None
            if not self.url_map.host_matching:
                server_name = config["SERVER_NAME"]
                if not self.subdomain_matching:
                    subdomain = self.url_map.default_subdomain or ""
            adapter = _bind(self.url_map, request.environ, server_name, subdomain)
            if adapter.url_scheme not in KNOWN_SCHEMES:
                adapter.url_scheme = request.scheme  # its redirects are absolute
            return adapter
        if config["SERVER_NAME"] is None:
            return None
        return self.url_map.bind(
            config["SERVER_NAME"],
            script_name=config["APPLICATION_ROOT"],
            url_scheme=config["PREFERRED_URL_SCHEME"],
        )

    def url_for(
        self,
        /,
        endpoint: str,
        *,
        _anchor: str | None = None,
        _method: str | None = None,
        _scheme: str | None = None,
        _external: bool | None = None,
        **values: Any,
    ) -> str:
        """Build the URL of an endpoint.

        In a request it is relative to the host, unless _external or _scheme is given; outside
        of one SERVER_NAME is needed and the URL is external. _method: choose the rule for it.
        values: those in the path; others become the query. BuildError if nothing fits.
        """
        return urls.url_for(self, endpoint, _anchor, _method, _scheme, _external, values)

    # Templates.

    def update_template_context(self, context: dict[str, Any]) -> None:
        """Add to a template's variables what the context processors give."""
        update_template_context(self, context)

    # Coroutines.

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that can be called plainly: `func`, or a wrapper if it is async."""
        if not iscoroutinefunction(func):
            return func
        context = find_context()
        if context is not None and context.gives_coroutines:
            return func  # a decorator's call, whose result the WebSocket's entry awaits
        return self.async_to_sync(func)

    def ensure_async(self, func: Callable[..., Any], blocks: bool = True) -> Callable[..., Any]:
        """Return a function to be awaited: `func` if it is async, else a wrapper.

        blocks: it runs in a thread of the app's pool, and else on the event loop itself.
        """
        if iscoroutinefunction(func):
            return func
        return in_thread(func) if blocks and getattr(func, "blocking", True) else on_loop(func)

    def async_to_sync(self, func: Callable[..., Coroutine[Any, Any, Any]]) -> Callable[..., Any]:
        """Wrap a coroutine function so that a plain call runs it to its end."""
        from kolben.entry.loop import to_sync  # starts faster without it

        return to_sync(func)


# As they are here: tracers replace some on Flask itself, which is an override as well.
_OWN_STEPS = SimpleNamespace(
    **{step: getattr(Flask, step) for step in (*STEPS, *ERROR_STEPS, *WSGI_STEPS)}
)
# Likewise.
OWN_URL_FOR = Flask.url_for

lend_names(globals())
