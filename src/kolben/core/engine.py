"""An app made ready for requests: its router, its plans, and which of its steps are overridden.

Made anew, at the next request, whenever the app says that something it is made of has changed.
"""

from __future__ import annotations

from inspect import iscoroutinefunction
from typing import Any, NoReturn
from urllib.parse import quote

from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import BaseConverter, Rule
from werkzeug.routing import converters as werkzeug_converters
from werkzeug.wrappers import Request as WerkzeugRequest
from werkzeug.wrappers import Response as WerkzeugResponse

from kolben.core.current import the_request
from kolben.core.handshake import refusal_of_mismatch, refusal_over_wsgi
from kolben.core.hooks import Hooks, SocketHooks, blocks
from kolben.core.hosts import check_host, known_hosts
from kolben.core.plan import Plan
from kolben.core.request import Request, split_blueprint_path
from kolben.core.response import content_type_for, is_plain
from kolben.core.router import Router
from kolben.core.url_builder import Builders
from kolben.typing import App, RequestContext, View

_QUERY_SAFE = "%!#$&'()*+,/:;=?@[]<>\"\\^`{|}"

# The methods of an app that the cycle goes around while they are the framework's own. One
# overridden, in a subclass or on the instance, makes the app go through all of them.
STEPS = (
    "create_url_adapter",
    "dispatch_request",
    "do_teardown_appcontext",
    "do_teardown_request",
    "finalize_request",
    "full_dispatch_request",
    "make_response",
    "preprocess_request",
    "process_response",
    "raise_routing_exception",
    "request_context",
)
# Methods that decide on errors: one overridden is plain code, called in a thread.
ERROR_STEPS = ("handle_http_exception", "handle_user_exception")
# What a server calls: overridden, as by middleware, each entry goes through it.
WSGI_STEPS = ("wsgi_app", "__call__")


# As they are before a tracer replaces them.
_OWN_INIT, _OWN_NEW = Request.__init__, Request.__new__
# What of a response class decides what goes out. Overridden, the class itself is asked.
WAYS_OUT = ("__call__", "get_app_iter", "get_wsgi_headers", "get_wsgi_response", "iter_encoded")


class Engine:
    """What an app's requests are answered from.

    is_plain: a request that comes over WSGI is made without calling its class.
    waits_on_loop: some view runs on the event loop, where there is one.
    """

    __slots__ = (
        "_answer_options_async",
        "_asks_router",
        "_converters_are_quick",
        "_has_sockets",
        "_has_told",
        "_hooks",
        "_plans",
        "_socket_hooks",
        "_streams_bodies",
        "app",
        "builders",
        "by_steps",
        "ends_quietly",
        "is_plain",
        "is_wrapped",
        "opens_session_late",
        "overrides_errors",
        "request_is_own",
        "router",
        "text_header",
        "unmatched",
        "unmatched_socket",
        "waits_on_loop",
    )

    def __init__(self, app: App, own_steps: Any, own_session_interface: type) -> None:
        """Make an app ready.

        own_steps: has the framework's own STEPS, ERROR_STEPS and WSGI_STEPS as attributes; not the
        app's class itself, where a tracer may have replaced some.
        own_session_interface: the one interface whose session may be opened when first used.
        """
        self.app = app
        self._hooks: dict[tuple[str, ...], Hooks] = {}
        self._socket_hooks: dict[tuple[str, ...], SocketHooks] = {}
        self._has_told = False
        # By identity: rules are not hashable, and each plan keeps its rule alive.
        self._plans: dict[int, Plan] = {}
        self.by_steps = any(is_overridden(app, own_steps, step) for step in STEPS)
        self.overrides_errors = any(is_overridden(app, own_steps, step) for step in ERROR_STEPS)
        self.is_wrapped = any(is_overridden(app, own_steps, step) for step in WSGI_STEPS)
        interface = app.session_interface
        self.opens_session_late = type(interface) is own_session_interface and not (
            vars(interface).keys() & {"open_session", "session_class", "is_null_session"}
        )
        kind = app.request_class
        # A request class of the user's may have more to close.
        self.ends_quietly = not self.by_steps and (
            kind.close is WerkzeugRequest.close and kind._load_form_data is Request._load_form_data
        )
        # Else it may want the environ that it is made from.
        self.request_is_own = kind.__init__ is _OWN_INIT and kind.__new__ is _OWN_NEW
        self.is_plain = not self.by_steps and self.request_is_own and kind.method is Request.method
        self.text_header = plain_text_header(app)
        adapter_is_own = not is_overridden(app, own_steps, "create_url_adapter")
        self._asks_router = adapter_is_own and not app.subdomain_matching
        self.builders = Builders(app.url_map, adapter_is_own)
        self.unmatched = self._plan_of_no_rule(self.hooks_for(()))
        self.unmatched_socket = self._plan_of_no_rule(self.socket_hooks_for(()))
        self._answer_options_async = app.ensure_async(self._answer_options)
        self.router = Router(app.url_map, self.plan_for)
        self.waits_on_loop = any(map(self._is_for_loop, app.url_map.iter_rules()))
        self._has_sockets = any(rule.websocket for rule in app.url_map.iter_rules())
        self._streams_bodies = any(map(_streams_body, app.url_map.iter_rules()))
        self._converters_are_quick = all(map(_is_quick, app.url_map.converters.values()))

    def _is_for_loop(self, rule: Rule) -> bool:
        """Say whether a rule's view runs on the event loop, where there is one."""
        return not getattr(rule, "is_socket", False) and self.plan_for(rule).on_loop

    def is_for_thread(self, method: str, path: str) -> bool:
        """Say whether it is sure, without asking anything of the app's, that a thread answers.

        method, path: as Router.find takes them.
        """
        if not self.waits_on_loop or self.by_steps or self.is_wrapped:
            return True
        plan = self._sure_plan(method, path)
        return plan is not None and not plan.on_loop

    def reads_body_first(self, method: str, path: str) -> bool:
        """Say whether it is sure, as is_for_thread() is, that a body is read before the view runs.

        method, path: as Router.find takes them.
        """
        if not self._streams_bodies or self.by_steps or self.is_wrapped:
            return True
        plan = self._sure_plan(method, path)
        return plan is not None and not plan.streams_body

    def _sure_plan(self, method: str, path: str) -> Plan | None:
        """Return the plan of a request; None if it takes what is the app's to tell."""
        if not (self._asks_router and self._converters_are_quick):
            return None
        found = self.router.find(method, path)
        return found[0] if isinstance(found, tuple) else None

    def _plan_of_no_rule(self, hooks: Hooks) -> Plan:
        """Make the plan of a request that no rule matches."""

        async def raise_async() -> NoReturn:
            self._raise_unmatched()

        plan = Plan(None, self._raise_unmatched, hooks, False, raise_async)
        # The framework's own view, which never waits.
        plan.on_loop = True
        return plan

    def _raise_unmatched(self) -> NoReturn:
        """Be the view of a request that no rule matches."""
        self.app.raise_routing_exception(the_request())

    def hooks_for(self, names: tuple[str, ...]) -> Hooks:
        """Return the hooks of a chain of blueprints, the innermost first."""
        hooks = self._hooks.get(names)
        if hooks is None:
            hooks = self._hooks[names] = Hooks(names)
            hooks.merge(self.app)
        return hooks

    def socket_hooks_for(self, names: tuple[str, ...]) -> SocketHooks:
        """Return the hooks of WebSockets of a chain of blueprints, the innermost first."""
        hooks = self._socket_hooks.get(names)
        if hooks is None:
            hooks = self._socket_hooks[names] = SocketHooks(names)
            hooks.merge(self.app)
        return hooks

    def merge_hooks(self) -> None:
        """Take all hooks from the app's tables again."""
        for hooks in (*self._hooks.values(), *self._socket_hooks.values()):
            hooks.merge(self.app)

    def plan_for(self, rule: Rule) -> Plan:
        """Return the plan for a rule of the app's url_map."""
        plan = self._plans.get(id(rule))
        if plan is None:
            plan = self._plans[id(rule)] = self._make_plan(rule)
        return plan

    def _make_plan(self, rule: Rule) -> Plan:
        app = self.app
        endpoint: Any = rule.endpoint
        parent = str(endpoint).rpartition(".")[0]
        names = tuple(split_blueprint_path(parent)) if parent else ()
        raw = app.view_functions.get(endpoint) or _missing_view(endpoint)
        if getattr(rule, "is_socket", False):
            return Plan(rule, raw, self.socket_hooks_for(names), True)
        hooks = self.hooks_for(names)
        plan = Plan(
            rule, app.ensure_sync(raw), hooks, iscoroutinefunction(raw), app.ensure_async(raw)
        )
        plan.streams_body = _streams_body(rule)
        blocking = getattr(rule, "blocking", None)
        if not (blocks(raw) if blocking is None else blocking):
            plan.on_loop, plan.view_async = True, app.ensure_async(raw, False)
        if getattr(rule, "provide_automatic_options", False):
            plan.options = Plan(
                rule, self._answer_options, hooks, False, self._answer_options_async
            )
        return plan

    def _answer_options(self, /, **_arguments: Any) -> Any:
        """Be the view for OPTIONS, whatever values the path has."""
        return self.app.make_default_options_response()

    def match(self, context: RequestContext, method: str, path: str, host: str | None) -> Plan:
        """Find the plan for a context's request and note the match in the request.

        method, path: as Router.find takes them. host: the Host header; None without one.
        """
        request = context.request
        trusted = self.app.config["TRUSTED_HOSTS"]
        if host not in known_hosts or trusted is not None or request.trusted_hosts:
            try:
                check_host(request, trusted)
            except HTTPException as error:
                request.routing_exception = error
                return self.unmatched
        # An upgrade may be for a socket, and not for a page of the same path.
        if not self._asks_router or (
            self._has_sockets and request._source is None and "HTTP_UPGRADE" in request.environ
        ):
            return self._match_by_adapter(context)
        try:
            found = self.router.find(method, path)
        except HTTPException as error:  # a converter's
            request.routing_exception = error
            return self.unmatched
        if isinstance(found, tuple):
            plan, request.view_args = found
            request.url_rule = plan.rule
            return plan
        if found is None:
            return self._match_by_adapter(context)
        request.routing_exception = (
            MethodNotAllowed(valid_methods=list(found)) if found else NotFound()
        )
        return self.unmatched

    def _match_by_adapter(self, context: RequestContext) -> Plan:
        """Let Werkzeug decide, about redirects and errors too."""
        request = context.request
        adapter = context.url_adapter
        if adapter is None:  # what made it impossible is the routing_exception already
            return self.unmatched
        try:
            # As the client wrote it, as far as a Location can have it: redirects keep the query.
            query = quote(request.query_string, safe=_QUERY_SAFE)
            rule, arguments = adapter.match(return_rule=True, query_args=query)
        except HTTPException as error:
            request.routing_exception = refusal_of_mismatch(error, adapter)
            return self.unmatched
        if rule.websocket:
            origins = self.app.config.get("WEBSOCKET_ORIGINS")
            refusal = request.routing_exception = refusal_over_wsgi(rule, request, origins)
            if refusal is not None:
                self.tell_of_upgrade(refusal.description)
                return self.unmatched
        request.url_rule, request.view_args = rule, dict(arguments)
        plan = self.plan_for(rule)
        return plan.options if request.method == "OPTIONS" else plan

    def tell_of_upgrade(self, reason: str | None) -> None:
        """Say in the log, once, why WebSockets are refused: a browser does not show it."""
        if not self._has_told:
            self._has_told = True
            self.app.logger.warning(reason)

    def match_socket(self, context: RequestContext) -> Plan | None:
        """Find the plan for a context's WebSocket and note the match in its request.

        None: the app has to be called as WSGI has it, for an extension whose rule matches, or for
        middleware that may answer what no rule matches.
        """
        request = context.request
        adapter = context.url_adapter
        if adapter is not None:
            adapter.url_scheme = request.scheme
            try:
                rule, arguments = adapter.match(return_rule=True, websocket=True)
            except HTTPException as error:
                request.routing_exception = error
            else:
                if not getattr(rule, "is_socket", False):
                    return None
                request.url_rule, request.view_args = rule, dict(arguments)
                return self.plan_for(rule)
        return None if self.is_wrapped else self.unmatched_socket


def is_overridden(app: Any, own: object, name: str) -> bool:
    """Say whether a method is another than `own`'s, in the app's class or on the app itself."""
    # Python calls what the class has; on the app itself stands its sign (entry.asgi_sign).
    is_replaced = name != "__call__" and name in vars(app)
    return is_replaced or getattr(type(app), name) is not getattr(own, name)


def _is_quick(converter: type[BaseConverter]) -> bool:
    """Say whether a converter never waits: others may ask a database, or whatever they like."""
    return converter in vars(werkzeug_converters).values()


def _streams_body(rule: Rule) -> bool:
    """Say whether the view of a rule reads the body as it comes."""
    return getattr(rule, "stream_body", False)


def _missing_view(endpoint: str) -> View:
    """Make the view of a rule whose endpoint has no function."""

    def view(**arguments: Any) -> NoReturn:
        raise KeyError(endpoint)

    return view


def plain_text_header(app: App) -> tuple[str, str] | None:
    """Return the Content-Type of a text that a view returns.

    None if the app's response class may make of a text what only an instance can tell.
    """
    response_class = app.response_class
    value = content_type_for(response_class.default_mimetype)
    ways = (getattr(response_class, way) is getattr(WerkzeugResponse, way) for way in WAYS_OUT)
    return ("Content-Type", value) if value and is_plain(response_class) and all(ways) else None
