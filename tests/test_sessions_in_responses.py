"""What a response says of the session: the cookie, and `Vary`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kolben import Flask, session
from kolben.sessions import SecureCookieSession, SessionInterface


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
def test_vary_keeps_what_the_view_said(app: Flask, before: str, after: str) -> None:
    @app.get("/")
    def index() -> Any:
        session["a"] = 1
        return "", {"Vary": before}

    assert app.test_client().get("/").headers.getlist("Vary") == [after]


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
