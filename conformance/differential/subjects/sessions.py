"""Sessions and flashed messages: every way to read and write them, keys, cookies, damage."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from typing import Any

from flask import Flask, flash, get_flashed_messages, json, render_template_string, session
from flask.sessions import (
    NullSession,
    SecureCookieSession,
    SecureCookieSessionInterface,
    SessionInterface,
    SessionMixin,
)
from markupsafe import Markup

from conformance.differential.ask import Ask, Signed, ask, post

Change = Callable[[], Any]

#: What a view does to the session, by its name; the result is shown.
CHANGES: dict[str, Change] = {
    "nothing": lambda: "nothing",
    "get": lambda: session.get("a"),
    "get-key": lambda: session["a"],
    "in": lambda: "a" in session,
    "len": lambda: len(session),
    "bool": lambda: bool(session),
    "iter": lambda: list(session),
    "keys": lambda: list(session.keys()),
    "items": lambda: list(session.items()),
    "repr": lambda: "a" in repr(session),
    "equal": lambda: session == {"a": 1},
    "copy": lambda: dict(session),
    "set": lambda: session.update(a=1),
    "start": lambda: session.update(a=1, list=[1]),
    "set-same": lambda: session.__setitem__("a", 1),
    "setdefault": lambda: session.setdefault("a", 5),
    "setdefault-new": lambda: session.setdefault("z", 5),
    "pop": lambda: session.pop("a"),
    "pop-missing": lambda: session.pop("missing", "default"),
    "popitem": lambda: session.popitem(),
    "del": lambda: session.__delitem__("a"),
    "clear": lambda: session.clear(),
    "ior": lambda: session.__ior__({"b": 2}),
    "nested": lambda: session["list"].append(9),
    "nested-modified": lambda: (session["list"].append(9), setattr(session, "modified", True)),
    "permanent": lambda: (session.__setitem__("a", 1), setattr(session, "permanent", True)),
    "permanent-off": lambda: setattr(session, "permanent", False),
    "permanent-read": lambda: session.permanent,
    "flags": lambda: [session.new, session.modified, session.accessed, session.permanent],
    "flags-after": lambda: [session.get("a"), session.new, session.modified, session.accessed],
    "modified-only": lambda: setattr(session, "modified", True),
    "accessed-only": lambda: setattr(session, "accessed", True),
    "unmodified": lambda: (session.update(a=3), setattr(session, "modified", False)),
    "type": lambda: [isinstance(session._get_current_object(), c) for c in
        (SecureCookieSession, NullSession, SessionMixin, dict)],
    "order": lambda: session.update(z=1, a=2, m=3),
    "unicode": lambda: session.update({"k\u00e4y": "v\u20ac", "e": ""}),
    "tuple": lambda: session.update(t=(1, (2, "x")), l=[1, (2,)]),
    "bytes": lambda: session.update(b=b"\xff\x00"),
    "markup": lambda: session.update(m=Markup("<b>")),
    "uuid": lambda: session.update(u=uuid.UUID(int=5)),
    "date": lambda: session.update(d=dt.datetime(2020, 1, 2, 3, 4, 5, tzinfo=dt.UTC)),
    "tagged-dict": lambda: session.update(x={" t": [1]}, y={" di": 1}),
    "int-keys": lambda: session.update(x={1: 2}),
    "none": lambda: session.update(x=None, y=True, z=1.5),
    "big": lambda: session.update(big="abc" * 400),
    "huge": lambda: session.update(big="".join(chr(33 + (i * i) % 90) for i in range(9000))),
    "unserializable": lambda: session.update(x=object()),
    "set-type": lambda: session.update(x={1, 2}),
    "show": lambda: {k: [type(v).__name__, str(v)] for k, v in session.items()},
    "flash": lambda: flash("plain"),
    "flash-kinds": lambda: [flash("one", "info"), flash("two", "error"), flash("<b>")],
    "flash-markup": lambda: flash(Markup("<b>bold</b>")),
    "flashed": lambda: get_flashed_messages(),
    "flashed-categories": lambda: get_flashed_messages(with_categories=True),
    "flashed-filter": lambda: get_flashed_messages(category_filter=["error"]),
    "flashed-filter-one": lambda: get_flashed_messages(True, "error"),
    "flashed-twice": lambda: [get_flashed_messages(), get_flashed_messages()],
    "flash-and-read": lambda: [flash("same request"), get_flashed_messages()],
    "flashed-template": lambda: render_template_string(
        "{% for c, m in get_flashed_messages(with_categories=true) %}{{ c }}={{ m }};{% endfor %}"
    ),
    "template": lambda: render_template_string("{{ session.a }}"),
}  # fmt: skip


def act(change: str) -> str:
    """Do one change and show what came of it."""
    return json.dumps(CHANGES[change](), default=str)


def make(name: str, **config: Any) -> Flask:
    """Make an app with one view, and its own session settings."""
    app = Flask(name, static_folder=None)
    app.config.update(SECRET_KEY="the newest key")
    app.config.update(config)
    app.add_url_rule("/<change>", "act", act, methods=["GET", "POST"])
    return app


class OwnSession(dict[str, Any], SessionMixin):
    """A session of an interface of its own."""


class OwnInterface(SessionInterface):
    """Keeps sessions in memory, refuses to open one when asked to."""

    kept: dict[str, dict[str, Any]]

    def __init__(self) -> None:
        self.kept = {}

    def open_session(self, app: Any, request: Any) -> OwnSession | None:
        if "refuse" in request.args:
            return None
        return OwnSession(self.kept.get(request.cookies.get("sid", ""), {}))

    def save_session(self, app: Any, session: Any, response: Any) -> None:
        self.kept["1"] = dict(session)
        response.headers["X-Saved"] = str(len(session))
        response.headers["X-Settings"] = ascii(
            (
                self.get_cookie_name(app),
                self.get_cookie_domain(app),
                self.get_cookie_path(app),
                self.get_cookie_samesite(app),
                self.get_expiration_time(app, session),
                self.should_set_cookie(app, session),
            )
        )
        response.set_cookie("sid", "1")


class SaltedInterface(SecureCookieSessionInterface):
    """Another salt, as people set it to keep two apps apart."""

    salt = "another-salt"


own = make("own")
own.session_interface = OwnInterface()
salted = make("salted")
salted.session_interface = SaltedInterface()

APPS = {
    "main": make("sessions"),
    "no-key": make("no-key", SECRET_KEY=None),
    "rotated": make("rotated", SECRET_KEY_FALLBACKS=["an old key", b"an older key"]),
    "short": make("short", PERMANENT_SESSION_LIFETIME=60),
    "no-refresh": make("no-refresh", SESSION_REFRESH_EACH_REQUEST=False),
    "attributes": make(
        "attributes",
        SESSION_COOKIE_NAME="sid",
        SESSION_COOKIE_DOMAIN="example.test",
        SESSION_COOKIE_PATH="/under",
        SESSION_COOKIE_HTTPONLY=False,
        SESSION_COOKIE_SECURE=True,
        SESSION_COOKIE_SAMESITE="Strict",
        PERMANENT_SESSION_LIFETIME=dt.timedelta(days=2),
    ),
    "partitioned": make("partitioned", SESSION_COOKIE_PARTITIONED=True),
    "rooted": make("rooted", APPLICATION_ROOT="/root"),
    "wrong-samesite": make("wrong-samesite", SESSION_COOKIE_SAMESITE="Sometimes"),
    "small-cookies": make("small-cookies", MAX_COOKIE_SIZE=50),
    "any-cookies": make("any-cookies", MAX_COOKIE_SIZE=0),
    "own": own,
    "salted": salted,
}

START = {"a": 1, "b": "x", "list": [1]}
TAGS = {
    "t": {" t": [1, {" t": []}]},
    "b": {" b": "/wA="},
    "m": {" m": "<b>"},
    "u": {" u": "00000000000000000000000000000005"},
    "d": {" d": "Thu, 02 Jan 2020 03:04:05 GMT"},
    "di": {" di": {" t__": 1}},
    "unknown": {" zz": 1},
}


def with_cookie(app: str, change: str, what: str = "signed", **signed: Any) -> Ask:
    """Ask for a change with a signed session; what: how this one differs from others."""
    cookie = Signed(signed.pop("payload", START), **signed)
    return ask(f"{app} {change} {what}", f"/{change}", session=cookie, app=app)


def talk(jar: str, *changes: str, app: str = "main") -> list[Ask]:
    """Ask for changes one after the other, with the cookies of the answers before."""
    return [
        ask(f"{jar} {number} {change}", f"/{change}", jar=jar, app=app)
        for number, change in enumerate(changes)
    ]


_FIRST_DAMAGED = [
    "eyJhIjoxfQ.aaaa.bbbb", "", ".", "..", "...", "a", "a.b.c", "\u00e4.\u00f6.\u00fc", "x" * 4000,
    "eyJhIjoxfQ", "eyJhIjoxfQ..", '"quoted"', ".eJyrVkpUsjKsBQAKJQJr.Zwxyzw.AAAAAAAAAAAAAAAAAAAAAAAAAAA",
]  # fmt: skip

REQUESTS: list[Ask] = [
    *(ask(f"fresh {change}", f"/{change}") for change in CHANGES),
    *(with_cookie("main", change) for change in list(CHANGES)[:38]),
    *(
        ask(f"no key {change}", f"/{change}", app="no-key")
        for change in ("nothing", "get", "len", "in", "set", "pop", "permanent", "flash", "type",
                       "clear", "setdefault", "flags")
    ),
    *(with_cookie("rotated", "show", key, key=key) for key in ("new", "old", "older", "foreign")),
    *(with_cookie("rotated", "set", key, key=key) for key in ("old", "older")),
    with_cookie("main", "show", "old key without fallbacks", key="old"),
    with_cookie("main", "show", "spoilt signature", spoil="signature"),
    with_cookie("main", "show", "spoilt payload", spoil="payload"),
    with_cookie("main", "show", "cut", spoil="short"),
    with_cookie("main", "set", "spoilt then set", spoil="signature"),
    with_cookie("main", "show", "tags", payload=TAGS),
    with_cookie("main", "show", "32 days old", age_s=32 * 86_400),
    with_cookie("main", "show", "30 days old", age_s=30 * 86_400),
    with_cookie("main", "show", "from tomorrow", age_s=-86_400),
    with_cookie("short", "show", "50 s old", age_s=50),
    with_cookie("short", "show", "70 s old", age_s=70),
    with_cookie("main", "nothing", "permanent", payload=START | {"_permanent": True}),
    with_cookie("main", "get", "permanent", payload=START | {"_permanent": True}),
    with_cookie("main", "permanent-off", "permanent", payload=START | {"_permanent": True}),
    with_cookie("main", "clear", "permanent", payload=START | {"_permanent": True}),
    with_cookie("short", "nothing", "permanent", payload={"_permanent": True}),
    with_cookie("no-refresh", "nothing", "permanent", payload={"_permanent": True}),
    with_cookie("no-refresh", "set", "permanent", payload={"_permanent": True}),
    with_cookie("main", "show", "not a mapping", payload=[1, 2]),
    with_cookie("attributes", "show", "other name", name="sid"),
    with_cookie("attributes", "show", "wrong name", name="session"),
    with_cookie("attributes", "permanent", "other name", name="sid"),
    with_cookie("attributes", "clear", "other name", name="sid"),
    with_cookie("attributes", "nothing", "other name", name="sid"),
    with_cookie("partitioned", "set"),
    with_cookie("partitioned", "clear"),
    with_cookie("rooted", "set"),
    with_cookie("rooted", "clear"),
    with_cookie("wrong-samesite", "set"),
    with_cookie("wrong-samesite", "get"),
    with_cookie("small-cookies", "set"),
    with_cookie("any-cookies", "huge"),
    with_cookie("salted", "show"),
    ask("salted set", "/set", app="salted"),
    *(
        ask(f"damaged {number}", "/show", headers={"Cookie": f"session={value}"})
        for number, value in enumerate(_FIRST_DAMAGED)
    ),
    ask("two cookies", "/show", headers={"Cookie": "session=bad"}, session=Signed({"a": 2})),
    ask("two good cookies", "/show", headers={"Cookie": "a=1"}, session=Signed({"a": 2})),
    *talk("talk", "start", "show", "nested", "show", "nothing", "pop", "show", "clear", "show"),
    *talk("types", "tuple", "show", "bytes", "markup", "uuid", "date", "tagged-dict", "show", "big", "show"),
    *talk("lasting", "permanent", "get", "nothing", "permanent-off", "nothing", "show"),
    *talk("flashes", "flash", "flash-kinds", "flash-markup", "flashed-template", "flashed"),
    *talk("flashes kinds", "flash-kinds", "flashed-filter", "flashed-categories"),
    *talk("flashes one", "flash-kinds", "flashed-filter-one", "flashed"),
    *talk("flashes twice", "flash", "flashed-twice", "nothing"),
    *talk("own", "set", "show", "nothing", app="own"),
    ask("own refused", "/get?refuse", app="own"),
    ask("own refused set", "/set?refuse", app="own"),
    post("post", "/set", b"x=1"),
    ask("error with session", "/get-key"),
    ask("options", "/set", "OPTIONS"),
    ask("head", "/set", "HEAD"),
]  # fmt: skip
