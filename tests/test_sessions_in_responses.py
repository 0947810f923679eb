"""What a response says of the session: the cookie, and `Vary`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from werkzeug.datastructures import Headers

from kolben import Flask, Response, session
from kolben.json.tag import TaggedJSONSerializer
from kolben.sessions import (
    SecureCookieSession,
    SecureCookieSessionInterface,
    SessionInterface,
)
from tests.wires import MakeClient


@pytest.fixture
def app() -> Flask:
    app = Flask(__name__)
    app.secret_key = "a key"
    return app


@pytest.fixture
def seen(app: Flask) -> Callable[..., tuple[str | None, str | None]]:
    """Return what answers a request by one action: (Set-Cookie, Vary)."""
    client = app.test_client()
    actions: dict[str, Any] = {}

    @app.get("/<name>")
    def act(name: str) -> str:
        actions[name]()
        return ""

    def see(action: Any, path: str = "/x") -> tuple[str | None, str | None]:
        actions["x"] = action
        response = client.get(path)
        assert response.status_code == 200
        return response.headers.get("Set-Cookie"), response.headers.get("Vary")

    return see


def nothing() -> None:
    """Leave the session alone."""


@pytest.mark.parametrize(
    "touch",
    [
        lambda: session.get("a"),
        lambda: "a" in session,
        lambda: len(session),
        lambda: bool(session),
        lambda: list(session),
        lambda: session.keys(),
        lambda: session.items(),
        lambda: session.pop("a", None),
        lambda: session.permanent,
        lambda: session.new,
        lambda: repr(session),
        lambda: session == {},
        lambda: str(session),
    ],
)
def test_reading_in_any_way_varies_by_cookie(seen: Any, touch: Any) -> None:
    # SECURITY: row 1, a cached response with somebody's session.
    assert seen(touch) == (None, "Cookie")


def test_leaving_it_alone_says_nothing(seen: Any) -> None:
    assert seen(nothing) == (None, None)
    seen(lambda: session.update(a=1))
    assert seen(nothing) == (None, None)


def test_changing_sets_the_cookie(seen: Any) -> None:
    cookie, vary = seen(lambda: session.update(a=1))
    assert cookie.startswith("session=eyJhIjoxfQ.")
    assert cookie.endswith("; HttpOnly; Path=/")
    assert vary == "Cookie"


def test_emptying_deletes_the_cookie(seen: Any) -> None:
    seen(lambda: session.update(a=1))
    cookie, vary = seen(lambda: session.clear())
    assert cookie == (
        "session=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; HttpOnly; Path=/"
    )
    assert vary == "Cookie"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Cookie", "Cookie"),
        ("cookie", "cookie"),
        ("Accept-Encoding, Accept-Language", "Accept-Encoding, Accept-Language, Cookie"),
        ("*", "*, Cookie"),
    ],
)
def test_vary_keeps_what_the_view_said(
    app: Flask, before: str, after: str, wire: MakeClient
) -> None:
    @app.get("/")
    def index() -> Any:
        session["a"] = 1
        return "", {"Vary": before}

    assert wire(app).get("/").headers.getlist("Vary") == [after]


def set_permanent(value: bool = True) -> None:
    session["a"] = session.get("a", 0) + 1
    session.permanent = value


@pytest.mark.parametrize("permanent", [True, False])
@pytest.mark.parametrize("refresh", [True, False])
def test_only_a_permanent_session_is_refreshed(
    app: Flask, seen: Any, permanent: bool, refresh: bool
) -> None:
    app.config["SESSION_REFRESH_EACH_REQUEST"] = refresh
    first, _ = seen(lambda: set_permanent(permanent))
    assert ("Expires=" in first) is permanent
    again = seen(nothing)
    if permanent and refresh:
        assert again[0].startswith("session=")
        assert again[1] == "Cookie"
    else:
        assert again == (None, None)


def test_a_refreshed_cookie_is_signed_with_the_newest_key(app: Flask, seen: Any) -> None:
    seen(set_permanent)
    app.secret_key, app.config["SECRET_KEY_FALLBACKS"] = "new", ["a key"]
    assert seen(nothing)[0] is not None
    app.config["SECRET_KEY_FALLBACKS"] = None
    found: list[int] = []
    seen(lambda: found.append(session["a"]))
    assert found == [1]


def test_the_cookie_has_the_configured_attributes(app: Flask, seen: Any) -> None:
    app.config.update(
        SESSION_COOKIE_NAME="sid",
        SESSION_COOKIE_DOMAIN="example.com",
        SESSION_COOKIE_PATH="/here",
        SESSION_COOKIE_HTTPONLY=False,
        SESSION_COOKIE_SECURE=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_PARTITIONED=True,
    )
    cookie, _ = seen(lambda: session.update(a=1))
    assert cookie.startswith("sid=")
    assert cookie.endswith("; Domain=example.com; Secure; Path=/here; SameSite=Lax; Partitioned")


def test_a_wrong_samesite_is_an_error(app: Flask, seen: Any) -> None:
    app.config.update(SESSION_COOKIE_SAMESITE="sometimes", TESTING=True)
    with pytest.raises(ValueError, match="SameSite"):
        seen(lambda: session.update(a=1))


@pytest.mark.parametrize(
    "content",
    [{"a": 1}, {"a": "_permanent"}, {"a": "x" * 300}, {"a": "\u20ac"}, {"_permanent": False}],
    ids=lambda content: str(content)[:30],
)
def test_one_that_is_not_permanent_is_never_sent_again(
    app: Flask, seen: Any, content: dict[str, Any]
) -> None:
    seen(lambda: session.update(content))
    assert seen(nothing) == (None, None)
    seen(lambda: session.update(_permanent=True))
    assert seen(nothing)[1] == "Cookie"


# What is known of an app

SETTINGS: dict[str, Any] = {
    "SECRET_KEY": "another",
    "SESSION_COOKIE_NAME": "own",
    "SESSION_COOKIE_DOMAIN": "a.example",
    "SESSION_COOKIE_PATH": "/own",
    "APPLICATION_ROOT": "/root",
    "SESSION_COOKIE_SECURE": True,
    "SESSION_COOKIE_HTTPONLY": False,
    "SESSION_COOKIE_SAMESITE": "Lax",
    "SESSION_COOKIE_PARTITIONED": True,
    "SECRET_KEY_FALLBACKS": ["old"],
}


@pytest.mark.parametrize("key", SETTINGS)
def test_each_setting_counts_from_the_next_request_on(app: Flask, seen: Any, key: str) -> None:
    """As it does where every method is asked each time."""
    seen(lambda: session.update(a=1))
    app.config[key] = SETTINGS[key]
    cookie, _ = seen(lambda: session.update(a=2))
    app.session_interface = interface_with("subclass", "nothing", None)
    asked, _ = seen(lambda: session.update(a=2))
    assert cookie.partition(";")[2] == asked.partition(";")[2]
    name, _, token = cookie.partition(";")[0].partition("=")
    interface = app.session_interface
    assert name == interface.get_cookie_name(app)
    assert interface.get_signing_serializer(app).loads(token)["a"] == 2  # type: ignore[union-attr]  # there is a key


def test_a_fallback_key_may_be_put_into_the_list_later(app: Flask, seen: Any) -> None:
    keys: list[str] = []
    app.config["SECRET_KEY_FALLBACKS"] = keys
    seen(lambda: session.update(a=1))
    old, app.config["SECRET_KEY"] = app.config["SECRET_KEY"], "new"
    keys.append(old)
    found: list[Any] = []
    seen(lambda: found.append(dict(session)))
    assert found == [{"a": 1}]


def test_a_shorter_lifetime_counts_at_once(app: Flask, seen: Any) -> None:
    seen(lambda: session.update(a=1))
    app.permanent_session_lifetime = timedelta(seconds=-1)
    found: list[Any] = []
    seen(lambda: found.append(dict(session)))
    assert found == [{}]


def test_a_plain_dict_may_be_the_configuration(app: Flask, seen: Any) -> None:
    app.config = dict(app.config)  # type: ignore[assignment]  # some do
    assert seen(lambda: session.update(a=1))[0].startswith("session=")


def test_a_cookie_that_is_too_large_is_warned_of(app: Flask, seen: Any) -> None:
    app.config["MAX_COOKIE_SIZE"] = 50
    with pytest.warns(UserWarning, match="too large"):
        seen(lambda: session.update(a=1))


# Interfaces and classes of one's own


def interface_with(by: str, name: str, override: Any) -> SecureCookieSessionInterface:
    """Make an interface with something overridden, in a subclass or on the instance."""
    if by == "subclass":
        member = staticmethod(override) if callable(override) else override
        kind: Any = type("Own", (SecureCookieSessionInterface,), {name: member})
        return kind()  # type: ignore[no-any-return]  # is one
    interface = SecureCookieSessionInterface()
    setattr(interface, name, override)
    return interface


def dumped(cookie: str) -> str:
    """Return the content of a cookie that is not signed."""
    return cookie.partition(";")[0].partition("=")[2]


class Unsigned:
    """Signs nothing, to be seen as what it is."""

    def dumps(self, content: dict[str, Any]) -> str:
        return "&".join(f"{key}={value}" for key, value in content.items())

    def loads(self, text: str, max_age: int) -> dict[str, Any]:
        return dict(pair.split("=") for pair in text.split("&"))


@pytest.mark.parametrize("by", ["subclass", "instance"])
def test_a_signing_serializer_of_ones_own_is_used(app: Flask, seen: Any, by: str) -> None:
    app.session_interface = interface_with(by, "get_signing_serializer", lambda app: Unsigned())
    cookie, _ = seen(lambda: session.update(a="b", c="d"))
    assert dumped(cookie) == "a=b&c=d"
    found: list[Any] = []
    seen(lambda: found.append(dict(session)))
    assert found == [{"a": "b", "c": "d"}]
    seen(lambda: session.update(_permanent="yes"))
    assert dumped(seen(nothing)[0]) == "a=b&c=d&_permanent=yes"


class Reversed(TaggedJSONSerializer):
    """Writes what nobody finds a key in."""

    def dumps(self, value: Any) -> str:
        return super().dumps(value)[::-1]

    def loads(self, value: str) -> Any:
        return super().loads(value[::-1])


@pytest.mark.parametrize("by", ["subclass", "instance"])
def test_a_serializer_of_ones_own_is_used(app: Flask, seen: Any, by: str) -> None:
    app.session_interface = interface_with(by, "serializer", Reversed())
    first, _ = seen(lambda: session.update(a=1, _permanent=True))
    again, _ = seen(nothing)
    assert again is not None
    assert dumped(again).partition(".")[0] == dumped(first).partition(".")[0]


@pytest.mark.parametrize(
    ("method", "answer", "shows"),
    [
        ("get_cookie_name", "own", "own="),
        ("get_cookie_domain", "a.example", "; Domain=a.example"),
        ("get_cookie_path", "/own", "; Path=/own"),
        ("get_cookie_httponly", True, "; HttpOnly"),
        ("get_cookie_secure", True, "; Secure"),
        ("get_cookie_samesite", "Strict", "; SameSite=Strict"),
        ("get_cookie_partitioned", True, "; Partitioned"),
        ("get_expiration_time", datetime(2040, 1, 1, tzinfo=UTC), "; Expires=Sun, 01 Jan 2040"),
        ("get_expiration_time", "whenever", "; Expires=whenever"),
        ("should_set_cookie", True, "session="),
    ],
)
@pytest.mark.parametrize("by", ["subclass", "instance"])
def test_each_method_of_the_interface_may_be_overridden(
    app: Flask, seen: Any, by: str, method: str, answer: Any, shows: str
) -> None:
    app.config["SESSION_COOKIE_HTTPONLY"] = False
    before, _ = seen(lambda: session.update(a=1))
    assert shows not in before or method == "should_set_cookie"
    app.session_interface = interface_with(by, method, lambda *arguments: answer)
    touch = nothing if method == "should_set_cookie" else lambda: session.update(a=2)
    after, _ = seen(touch)
    assert shows in after


def test_a_response_class_may_set_cookies_in_its_own_way(app: Flask, seen: Any) -> None:
    set_before: list[str] = []

    class Own(Response):
        def set_cookie(self, key: str, value: str = "", **options: Any) -> None:
            set_before.append(key)
            super().set_cookie(key, value, **options)

    app.response_class = Own
    cookie, vary = seen(lambda: session.update(a=1))
    assert cookie.startswith("session=")
    assert (set_before, vary) == (["session"], "Cookie")


def test_headers_of_another_kind_are_added_to(app: Flask, wire: MakeClient) -> None:
    class OwnHeaders(Headers):
        pass

    @app.get("/")
    def index() -> Response:
        session["a"] = 1
        response = app.response_class("")
        response.headers = OwnHeaders([("Content-Type", "text/plain"), ("Vary", "Accept")])
        return response

    headers = wire(app).get("/").headers
    assert headers["Set-Cookie"].startswith("session=")
    assert headers["Vary"] == "Accept, Cookie"


class Remembered(SecureCookieSession):
    modified = True


class MemoryInterface(SessionInterface):
    """Keeps sessions in a dict, by a number in the cookie."""

    def __init__(self) -> None:
        self.kept: list[dict[str, Any]] = []

    def open_session(self, app: Flask, request: Any) -> Remembered:
        number = request.cookies.get(self.get_cookie_name(app), type=int)
        return Remembered(self.kept[number] if number is not None else None)

    def save_session(self, app: Flask, session: Any, response: Any) -> None:
        self.kept.append(dict(session))
        response.set_cookie(self.get_cookie_name(app), str(len(self.kept) - 1))


def test_an_interface_of_ones_own_opens_and_saves_every_request(app: Flask, seen: Any) -> None:
    interface = app.session_interface = MemoryInterface()
    assert seen(nothing) == ("session=0; Path=/", None)
    seen(lambda: session.update(a=1))
    assert seen(nothing)[0] == "session=2; Path=/"
    assert interface.kept == [{}, {"a": 1}, {"a": 1}]
