"""An engine goes around the app's own methods only, and is made anew when its parts change."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import BaseConverter, Map, Rule

from kolben import Flask, Request, request
from kolben.core.engine import STEPS, is_overridden
from kolben.core.plan import Plan
from tests.wires import MakeClient

CHANGES: dict[str, Callable[[Flask], Any]] = {
    "add a rule": lambda app: app.url_map.add(Rule("/x", endpoint="x")),
    "set a view": lambda app: app.view_functions.update(x=lambda: ""),
    "replace the views": lambda app: setattr(app, "view_functions", {}),
    "replace the map": lambda app: setattr(app, "url_map", Map()),
    "set a step": lambda app: setattr(app, "make_response", lambda answer: answer),
    "set the session interface": lambda app: setattr(
        app, "session_interface", type(app.session_interface)()
    ),
    "set the request class": lambda app: setattr(app, "request_class", Request),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_makes_a_new_engine(change: Callable[[Flask], Any]) -> None:
    app = Flask(__name__)
    before = app.engine
    assert app.engine is before
    change(app)
    assert app.engine is not before


def test_taking_an_override_back_makes_a_new_engine() -> None:
    app = Flask(__name__)
    app.make_response = lambda rv: app.response_class("other")  # type: ignore[method-assign]
    assert app.engine.by_steps
    del app.make_response
    assert not app.engine.by_steps
    app.note = 1  # type: ignore[attr-defined]  # any attribute may be set
    before = app.engine
    del app.note  # type: ignore[attr-defined]
    assert app.engine is before


@pytest.mark.parametrize("step", STEPS)
def test_a_step_overridden_in_a_subclass_is_called(step: str, wire: MakeClient) -> None:
    called: list[str] = []

    def method(self: Flask, *args: Any, **kwargs: Any) -> Any:
        called.append(step)
        return getattr(super(kind, self), step)(*args, **kwargs)

    kind = type("Own", (Flask,), {step: method})
    app = kind(__name__)
    app.add_url_rule("/", "view", lambda: "")
    path = "/nothing" if step == "raise_routing_exception" else "/"
    wire(app).get(path)
    assert called


@pytest.mark.parametrize("step", STEPS)
def test_a_step_assigned_on_the_app_is_called(step: str, wire: MakeClient) -> None:
    called: list[str] = []
    app = Flask(__name__)
    app.add_url_rule("/", "view", lambda: "")
    path = "/nothing" if step == "raise_routing_exception" else "/"
    client = wire(app)
    client.get(path)  # an engine without it was made
    own = getattr(app, step)

    def replacement(*args: Any, **kwargs: Any) -> Any:
        called.append(step)
        return own(*args, **kwargs)

    setattr(app, step, replacement)
    client.get(path)
    assert called


def test_what_is_overridden() -> None:
    class Own(Flask):
        def make_response(self, rv: Any) -> Any:
            return super().make_response(rv)

    assert not is_overridden(Flask(__name__), Flask, "make_response")
    assert is_overridden(Own(__name__), Flask, "make_response")
    assert not is_overridden(Own(__name__), Flask, "dispatch_request")


TABLES: dict[str, Callable[[Flask, Any], Any]] = {
    "append": lambda app, hook: app.before_request_funcs[None].append(hook),
    "insert": lambda app, hook: app.before_request_funcs[None].insert(0, hook),
    "setdefault": lambda app, hook: app.before_request_funcs.setdefault(None, []).append(hook),
    "set": lambda app, hook: app.before_request_funcs.update({None: [hook]}),
    "replace the table": lambda app, hook: setattr(app, "before_request_funcs", {None: [hook]}),
}


@pytest.mark.parametrize("change", TABLES.values(), ids=TABLES)
def test_a_table_changed_directly_counts_from_the_next_request(
    change: Callable[[Flask, Any], Any], wire: MakeClient
) -> None:
    app = Flask(__name__)
    app.add_url_rule("/", "view", lambda: "view")
    client = wire(app)
    assert client.get("/").text == "view"
    change(app, lambda: "hook")
    assert client.get("/").text == "hook"
    app.before_request_funcs[None].clear()
    assert client.get("/").text == "view"


def test_a_rule_and_a_view_added_late_are_found(wire: MakeClient) -> None:
    app = Flask(__name__)
    client = wire(app)
    assert client.get("/late").status == 404
    app.url_map.add(Rule("/late", endpoint="late", methods=["GET"]))
    app.view_functions["late"] = lambda: "late"
    assert client.get("/late").text == "late"
    app.view_functions["late"] = lambda: "later"
    assert client.get("/late").text == "later"


def test_an_engine_made_while_the_app_is_changed_does_not_stay(wire: MakeClient) -> None:
    app = Flask(__name__)
    app.add_url_rule("/", "view", lambda: "")
    changed = threading.Thread(target=lambda: app.add_url_rule("/late", "late", lambda: "late"))

    class ChangedMeanwhile(type(app.view_functions)):  # type: ignore[misc]  # a class all the same
        def get(self, endpoint: str, default: Any = None) -> Any:
            if endpoint == "view" and not changed.ident:
                changed.start()
                changed.join(0.1)  # it waits for the map, or has changed it
            return super().get(endpoint, default)

    app.view_functions = ChangedMeanwhile(app.view_functions)
    client = wire(app)
    client.get("/")
    changed.join()
    assert client.get("/late").text == "late"


def test_plans_are_kept_and_hooks_shared() -> None:
    app = Flask(__name__)
    app.add_url_rule("/a", "bp.a", lambda: "")
    app.add_url_rule("/b", "bp.b", lambda: "")
    first, second = (
        app.engine.plan_for(rule)
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("bp.")
    )
    assert first.hooks is second.hooks
    assert first.rule is not None
    assert app.engine.plan_for(first.rule) is first


def test_a_plan_knows_whether_its_view_is_async() -> None:
    app = Flask(__name__, static_folder=None)

    async def awaited() -> str:
        return ""

    app.add_url_rule("/a", "a", awaited)
    app.add_url_rule("/b", "b", lambda: "")
    plans: list[Plan] = [app.engine.plan_for(rule) for rule in app.url_map.iter_rules()]
    assert [plan.is_async for plan in plans] == [True, False]


@pytest.mark.parametrize("options", [{"host_matching": True, "static_folder": None}, {}])
def test_hosts_and_subdomains_are_matched(options: dict[str, Any], wire: MakeClient) -> None:
    app = Flask(__name__, subdomain_matching=not options, **options)
    app.config["SERVER_NAME"] = "example.com"
    given = {"host": "<who>.example.com"} if options else {"subdomain": "<who>"}
    app.add_url_rule("/", "view", lambda who: who, **given)
    client = wire(app)
    assert client.get("/", base_url="http://me.example.com").text == "me"
    assert client.get("/", base_url="http://example.com").status == 404


def test_a_refused_host_is_400_before_anything_is_matched(wire: MakeClient) -> None:
    app = Flask(__name__)
    app.config["TRUSTED_HOSTS"] = ["example.com"]
    app.add_url_rule("/", "view", lambda: "")
    client = wire(app)
    assert client.get("/", base_url="http://example.com").status == 200
    assert client.get("/", base_url="http://evil.com").status == 400
    assert client.get("/", headers={"Host": "a b"}).status == 400


def test_a_refused_host_can_be_matched_by_no_adapter(wire: MakeClient) -> None:
    class Own(Flask):
        def create_url_adapter(self, request: Any) -> Any:
            if request is not None and request.path == "/refused":
                raise NotFound("refused")
            return super().create_url_adapter(request)

    app = Own(__name__)
    app.add_url_rule("/", "view", lambda: "found")
    client = wire(app)
    assert client.get("/").text == "found"
    assert "refused" in client.get("/refused").text


def test_options_through_the_adapter_is_automatic_too() -> None:
    app = Flask(__name__, subdomain_matching=True)
    app.add_url_rule("/", "view", lambda: "")
    assert sorted(app.test_client().options("/").allow) == ["GET", "HEAD", "OPTIONS"]


def test_options_of_a_path_are_answered_whatever_its_values_are_called(wire: MakeClient) -> None:
    app = Flask(__name__)
    app.add_url_rule("/<self>/<function>", "view", lambda **_: "")
    assert wire(app).options("/a/b").headers["Allow"].count(",") == 2


@pytest.mark.parametrize("debug", [False, True])
def test_an_http_error_of_a_converter_is_the_routing_exception(
    debug: bool, wire: MakeClient
) -> None:
    class Refusing(BaseConverter):
        def to_python(self, value: str) -> str:
            raise HTTPException(response=app.response_class("refused", 410))

    app = Flask(__name__)
    app.debug = debug
    app.url_map.converters["refusing"] = Refusing
    app.add_url_rule("/<refusing:x>", "view", lambda x: "")
    seen: list[Any] = []
    app.before_request(lambda: seen.append(request.routing_exception))
    assert wire(app).get("/x").status == 410
    assert isinstance(seen[0], HTTPException)


# WebSockets.


def match_socket(app: Flask, path: str = "/", **options: Any) -> tuple[Plan | None, Any]:
    """Match a WebSocket; return its plan and the request."""
    with app.test_request_context(path, **options) as context:
        context.request.routing_exception = None
        return app.engine.match_socket(context), context.request


def test_a_websocket_finds_its_plan_and_values() -> None:
    app = Flask(__name__)

    async def view(room: str) -> None: ...

    app.add_websocket("/<room>", "part.view", view)
    plan, asked = match_socket(app, "/a")
    assert (view, {"room": "a"}) == (plan.view, asked.view_args)
    assert plan.hooks is app.engine.socket_hooks_for(("part",))
    assert plan is match_socket(app, "/b")[0]


REFUSED: dict[str, tuple[str, dict[str, Any], int]] = {
    "no rule": ("/nowhere/at/all", {}, 404),
    "HTTP alone": ("/http", {}, 400),
    "a bad host": ("/", {"headers": {"Host": "a b"}}, 400),
}


@pytest.mark.parametrize(("path", "options", "code"), REFUSED.values(), ids=REFUSED)
def test_a_websocket_without_a_rule_of_ours_is_refused(path: str, options: Any, code: int) -> None:
    app = Flask(__name__)
    app.add_url_rule("/http", "http", lambda: "")
    plan, asked = match_socket(app, path, **options)
    assert plan is app.engine.unmatched_socket
    assert code == asked.routing_exception.code
    with app.test_request_context() as context:
        context.request.routing_exception = asked.routing_exception
        with pytest.raises(HTTPException):
            plan.view()


def test_a_websocket_with_a_rule_of_an_extension_is_the_extensions() -> None:
    app = Flask(__name__)
    app.add_url_rule("/theirs", "theirs", lambda: "", websocket=True)
    assert match_socket(app, "/theirs")[0] is None


@pytest.mark.parametrize("path", ["/nowhere", "/page"])
def test_what_no_rule_matches_is_left_to_middleware(path: str) -> None:
    app = Flask(__name__)
    app.add_url_rule("/page", "page", lambda: "")
    app.wsgi_app = ProxyFix(app.wsgi_app)  # type: ignore[method-assign]  # as users do
    assert match_socket(app, path)[0] is None


def test_an_upgrade_over_wsgi_is_for_the_socket_and_not_for_the_page_of_its_path() -> None:
    app = Flask(__name__)
    app.add_url_rule("/", "page", lambda: "page")
    app.add_url_rule("/", "theirs", lambda: "socket", websocket=True)
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket"}
    client = app.test_client()
    assert ("socket", "page") == (client.get("/", headers=upgrade).text, client.get("/").text)
    assert "page" == client.get("/", headers={"Connection": "Upgrade", "Upgrade": "h2c"}).text


@pytest.mark.parametrize("is_upgrade", [True, False])
def test_over_http_a_rule_of_a_websocket_is_refused(
    is_upgrade: bool, caplog: pytest.LogCaptureFixture
) -> None:
    app = Flask(__name__)

    async def view() -> None: ...

    app.add_websocket("/", "view", view)
    headers = {"Connection": "Upgrade", "Upgrade": "websocket"} if is_upgrade else {}
    with app.test_request_context(headers=headers):
        assert request.routing_exception is not None
        assert 400 == request.routing_exception.code
        assert request.url_rule is None
    app.test_client().get("/", headers=headers)
    assert is_upgrade == caplog.text.count("kolben serve --interface asgi")


def test_hooks_of_websockets_are_merged_again_when_they_change() -> None:
    app = Flask(__name__)
    hooks = app.engine.socket_hooks_for(())
    assert () == hooks.before
    app.before_websocket_funcs[None].append(print)
    assert hooks is app.engine.socket_hooks_for(())
    assert (print,) == hooks.before


async def _wait() -> str:
    return ""


@pytest.mark.parametrize(
    ("views", "expected"),
    [
        ({"/": str}, {"/": True, "/none": True}),
        ({"/": str, "/async": _wait}, {"/": True, "/async": False, "/none": False, "//": False}),
    ],
    ids=["plain", "mixed"],
)
def test_it_is_known_before_a_request_where_its_view_runs(
    views: dict[str, Any], expected: dict[str, bool]
) -> None:
    app = Flask(__name__, static_folder=None)
    for path, view in views.items():
        app.add_url_rule(path, path.replace("/", "_"), view)
    assert expected == {path: app.engine.is_for_thread("GET", path) for path in expected}


@pytest.mark.parametrize(
    ("path", "is_first"), [("/plain", True), ("/stream", False), ("/none", False), ("//", False)]
)
def test_it_is_known_before_a_request_whether_its_body_is_read_first(
    path: str, is_first: bool
) -> None:
    app = Flask(__name__, static_folder=None)
    app.add_url_rule("/plain", "plain", str, methods=["POST"])
    assert app.engine.reads_body_first("POST", path)
    app.add_url_rule("/stream", "stream", str, methods=["POST"], stream_body=True)
    assert is_first is app.engine.reads_body_first("POST", path)


@pytest.mark.parametrize("why", ["step", "middleware"])
def test_an_app_that_is_called_as_wsgi_has_it_is_called_in_a_thread(why: str) -> None:
    app = Flask(__name__)
    app.add_url_rule("/", "view", _wait, stream_body=True)
    if why == "step":
        app.dispatch_request = str  # type: ignore[method-assign]
    else:
        app.wsgi_app = lambda environ, start: []  # type: ignore[method-assign]
    assert app.engine.is_for_thread("GET", "/")
    assert app.engine.reads_body_first("GET", "/")


@pytest.mark.parametrize("why", ["subdomains", "a converter"])
def test_what_only_the_app_can_tell_is_not_sure(why: str) -> None:
    app = Flask(__name__)
    if why == "subdomains":
        app.subdomain_matching = True
    else:
        app.url_map.converters["own"] = type("Own", (BaseConverter,), {})
    app.add_url_rule("/", "view", _wait)
    app.add_url_rule("/plain", "plain", str)
    app.add_url_rule("/stream", "stream", str, stream_body=True)
    assert not app.engine.is_for_thread("GET", "/plain")
    assert not app.engine.reads_body_first("GET", "/plain")
