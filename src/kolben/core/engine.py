"""An app made ready for requests: its router, its plans, and which of its steps are overridden.

Made anew, at the next request, whenever the app says that something it is made of has changed.
"""

from __future__ import annotations

from inspect import iscoroutinefunction
from typing import Any, NoReturn
from urllib.parse import quote

from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import Rule
from werkzeug.wrappers import Request as WerkzeugRequest

from kolben.core.current import the_request
from kolben.core.hooks import Hooks
from kolben.core.hosts import check_host, is_valid_host
from kolben.core.plan import Plan
from kolben.core.request import split_blueprint_path
from kolben.core.router import Router
from kolben.core.source import decode_path
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


class Engine:
    """What an app's requests are answered from."""

    __slots__ = (
        "_asks_router",
        "_hooks",
        "_plans",
        "app",
        "by_steps",
        "ends_quietly",
        "opens_session_late",
        "router",
        "unmatched",
    )

    def __init__(self, app: App, own_steps: object, own_session_interface: type) -> None:
        """Make an app ready.

        own_steps: has the framework's own STEPS as attributes; not the app's class itself, where
        a tracer may have replaced some.
        own_session_interface: the one interface whose session may be opened when first used.
        """
        self.app = app
        self._hooks: dict[tuple[str, ...], Hooks] = {}
        # By identity: rules are not hashable, and each plan keeps its rule alive.
        self._plans: dict[int, Plan] = {}
        self.by_steps = any(is_overridden(app, own_steps, step) for step in STEPS)
        interface = app.session_interface
        self.opens_session_late = type(interface) is own_session_interface and not (
            vars(interface).keys() & {"open_session", "session_class", "is_null_session"}
        )
        # A request class of the user's may have more to close.
        self.ends_quietly = not self.by_steps and (app.request_class.close is WerkzeugRequest.close)
        self._asks_router = not (
            app.subdomain_matching or is_overridden(app, own_steps, "create_url_adapter")
        )
        self.unmatched = Plan(None, self._raise_unmatched, self.hooks_for(()), False)
        self.router = Router(app.url_map, self.plan_for)

    def _raise_unmatched(self) -> NoReturn:
        """Be the view of a request that no rule matches."""
        self.app.raise_routing_exception(the_request())

    def hooks_for(self, names: tuple[str, ...]) -> Hooks:
        """Return the hooks of a chain of blueprints, the innermost first."""
        hooks = self._hooks.get(names)
        if hooks is None:
            hooks = self._hooks[names] = Hooks(names)
            hooks.merge(self.app, self.app.ensure_sync)
        return hooks

    def merge_hooks(self) -> None:
        """Take all hooks from the app's tables again."""
        for hooks in self._hooks.values():
            hooks.merge(self.app, self.app.ensure_sync)

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
        hooks = self.hooks_for(tuple(split_blueprint_path(parent)) if parent else ())
        raw = app.view_functions.get(endpoint)
        view = _missing_view(endpoint) if raw is None else app.ensure_sync(raw)
        plan = Plan(rule, view, hooks, iscoroutinefunction(raw))
        if getattr(rule, "provide_automatic_options", False):
            plan.options = Plan(rule, _without_arguments(app), hooks, False)
        return plan

    def match(self, context: RequestContext) -> Plan:
        """Find the plan for a context's request and note the match in the request."""
        request = context.request
        environ = request.environ
        host = environ.get("HTTP_HOST")
        trusted = self.app.config["TRUSTED_HOSTS"]
        if host is None or trusted is not None or not is_valid_host(host) or request.trusted_hosts:
            try:
                check_host(request, trusted)
            except HTTPException as error:
                request.routing_exception = error
                return self.unmatched
        if not self._asks_router:
            return self._match_by_adapter(context)
        # Read where the request would read them, which nobody may have asked for yet.
        path = decode_path(environ.get("PATH_INFO", ""))
        try:
            found = self.router.find(environ["REQUEST_METHOD"], path)
        except HTTPException as error:  # a converter's
            request.routing_exception = error
            return self.unmatched
        if found is None:
            return self._match_by_adapter(context)
        if isinstance(found, frozenset):
            request.routing_exception = (
                MethodNotAllowed(valid_methods=list(found)) if found else NotFound()
            )
            return self.unmatched
        plan, request.view_args = found
        request.url_rule = plan.rule
        return plan

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
            request.routing_exception = error
            return self.unmatched
        request.url_rule, request.view_args = rule, dict(arguments)
        plan = self.plan_for(rule)
        return plan.options if request.method == "OPTIONS" else plan


def is_overridden(app: Any, own: object, name: str) -> bool:
    """Say whether a method is another than `own`'s, in the app's class or on the app itself."""
    return name in vars(app) or getattr(type(app), name) is not getattr(own, name)


def _missing_view(endpoint: str) -> View:
    """Make the view of a rule whose endpoint has no function."""

    def view(**arguments: Any) -> NoReturn:
        raise KeyError(endpoint)

    return view


def _without_arguments(app: App) -> View:
    """Make the view that answers OPTIONS, whatever values the path has."""

    def view(**arguments: Any) -> Any:
        return app.make_default_options_response()

    return view
