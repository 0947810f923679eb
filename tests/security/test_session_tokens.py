"""A session cookie is taken only as this app wrote it, for this purpose, with a current key."""

from __future__ import annotations

import ast
import base64
import string
from collections.abc import Iterator
from pathlib import Path

import pytest
from itsdangerous import TimestampSigner, URLSafeTimedSerializer

import kolben
from kolben import Flask, request, session
from kolben.json.tag import TaggedJSONSerializer
from kolben.sessions import SecureCookieSessionInterface
from tests.security.ways import EnvironWay, Way

ALPHABET = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"


def sign_in(way: Way, name: str = "alice") -> str:
    """Return the cookie of a session that belongs to somebody."""
    header = way.ask(f"/session/{name}", "POST").one("Set-Cookie")
    assert header is not None
    return header.partition(";")[0]


def who(way: Way, cookie: str) -> str:
    """Return whose session a cookie opens; `None` if nobody's."""
    answer = way.ask("/session/x", headers=[("Cookie", cookie)])
    if answer.status == 400 and not cookie.isascii():
        return "None"  # the server cannot read it, and no view is asked
    assert answer.status == 200
    return answer.text


def test_a_cookie_opens_its_session(way: Way) -> None:
    assert who(way, sign_in(way)) == "alice"


# One spelling.


def test_only_one_spelling_of_the_last_character_verifies(way: Way) -> None:
    cookie = sign_in(way)
    verified = [last for last in ALPHABET if who(way, cookie[:-1] + last) == "alice"]
    assert verified == [cookie[-1]]


@pytest.mark.parametrize("suffix", ["=", "==", "=A", "A", "AA", ".", "%3D", "\xe9", '"', " x"])
def test_nothing_more_may_stand_at_the_end(way: Way, suffix: str) -> None:
    assert who(way, sign_in(way) + suffix) == "None"


@pytest.mark.parametrize("number", [0, 1, 2], ids=["content", "time", "signature"])
def test_padding_inside_of_a_part_makes_it_another(way: Way, number: int) -> None:
    parts = sign_in(way).split(".")
    parts[number] += "="
    assert who(way, ".".join(parts)) == "None"


# Forged.

FORGED = [
    "",
    ".",
    "..",
    "...",
    "....",
    "a.b.c",
    "e30.e30.e30",
    "e30..",
    ".eJyrVgIAAHoAPQ.a.b",
    "null",
    "{}",
    '{"name": "alice"}',
    "gASVCgAAAAAAAACMBm9zLmdldA.ZVPxAA.AAAA",
    "\x80\x95.",
    "%00.%00.%00",
    "\xff" * 40,
    "A" * 4000,
    "." * 4000,
    "-" * 27,
    "=" * 27,
]


@pytest.mark.parametrize("value", FORGED, ids=range(len(FORGED)))
def test_a_forged_cookie_is_nobodys(way: Way, value: str) -> None:
    assert who(way, f"session={value}") == "None"


def test_each_byte_of_a_cookie_counts(environ_way: EnvironWay) -> None:
    cookie = sign_in(environ_way)
    for place in range(len("session="), len(cookie)):
        changed = "B" if cookie[place] != "B" else "C"
        assert who(environ_way, cookie[:place] + changed + cookie[place + 1 :]) == "None"


def test_a_cookie_signed_long_ago_or_in_the_future_is_nobodys(
    environ_way: EnvironWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    lifetime_s = environ_way.app.permanent_session_lifetime.total_seconds()
    real = TimestampSigner.get_timestamp
    for offset_s in (-lifetime_s - 5, 10.0**6):
        monkeypatch.setattr(
            TimestampSigner, "get_timestamp", lambda self, by=offset_s: real(self) + int(by)
        )
        cookie = sign_in(environ_way)
        monkeypatch.undo()
        assert who(environ_way, cookie) == "None"


# Another purpose.

CONTENT = {"name": "mallory"}


@pytest.mark.parametrize(
    ("key", "salt"),
    [
        ("a key that nobody guesses", "cookie"),
        ("a key that nobody guesses", "cookie-session-2"),
        ("a key that nobody guesses", "-session"),
        ("a key that nobody guesses", ""),
        ("a key that nobody guessescookie", "-session"),
        ("a key that nobody guessescookie-session", ""),
        ("a key that nobody guesse", "scookie-session"),
        ("", "a key that nobody guessescookie-session"),
    ],
)
@pytest.mark.parametrize("derivation", ["hmac", "concat", "django-concat", "none"])
def test_a_token_of_another_purpose_is_no_session(
    environ_way: EnvironWay, key: str, salt: str, derivation: str
) -> None:
    other = URLSafeTimedSerializer(
        key,
        salt=salt,
        serializer=TaggedJSONSerializer(),
        signer_kwargs={"key_derivation": derivation},
    )
    assert who(environ_way, f"session={other.dumps(CONTENT)}") == "None"


def test_a_session_is_no_token_of_another_purpose(environ_way: EnvironWay) -> None:
    class Other(SecureCookieSessionInterface):
        salt = "cookie"

    token = sign_in(environ_way).removeprefix("session=")
    serializer = Other().get_signing_serializer(environ_way.app)
    assert serializer is not None
    assert serializer.loads_unsafe(token)[0] is False


def test_the_name_and_the_salt_of_a_session_cannot_be_shifted_into_each_other() -> None:
    """Two apps with one key: (name "a", salt "bc") is not (name "ab", salt "c")."""
    first, second = make_app("a", "bc"), make_app("ab", "c")
    token = sign_in(EnvironWay(first)).removeprefix("a=")
    assert who(EnvironWay(first), f"a={token}") == "alice"
    assert who(EnvironWay(second), f"ab={token}") == "None"


def make_app(cookie_name: str, salt: str) -> Flask:
    """Make an app whose sessions have a cookie and a salt of their own."""
    interface = SecureCookieSessionInterface()
    interface.salt = salt
    app = Flask("app")
    app.secret_key = "the same key"
    app.config["SESSION_COOKIE_NAME"] = cookie_name
    app.session_interface = interface

    @app.route("/session/<name>", methods=["GET", "POST"])
    def keep(name: str) -> str:
        if request.method == "POST":
            session["name"] = name
        return str(session.get("name"))

    return app


# Keys that change.


@pytest.fixture
def keys(app: Flask) -> Iterator[dict[str, object]]:
    """The app's configuration, whose keys are put back."""
    before = dict(app.config)
    yield app.config
    app.config.update(before)


def test_a_new_key_signs_and_an_old_one_still_verifies(
    environ_way: EnvironWay, keys: dict[str, object]
) -> None:
    keys["SECRET_KEY"] = "old"
    old = sign_in(environ_way)
    keys["SECRET_KEY"], keys["SECRET_KEY_FALLBACKS"] = "new", ["older", "old"]
    assert who(environ_way, old) == "alice"
    new = sign_in(environ_way)
    keys["SECRET_KEY_FALLBACKS"] = None
    assert who(environ_way, new) == "alice"
    assert who(environ_way, old) == "None"


def test_the_oldest_key_signs_nothing(environ_way: EnvironWay, keys: dict[str, object]) -> None:
    keys["SECRET_KEY"], keys["SECRET_KEY_FALLBACKS"] = "new", ["older", "old"]
    new = sign_in(environ_way)
    for key in ("older", "old"):
        keys["SECRET_KEY"], keys["SECRET_KEY_FALLBACKS"] = key, None
        assert who(environ_way, new) == "None"


def test_refreshing_signs_with_the_newest_key(
    environ_way: EnvironWay, keys: dict[str, object]
) -> None:
    keys["SECRET_KEY"] = "old"
    header = environ_way.ask("/session/alice?permanent", "POST").one("Set-Cookie")
    assert header is not None
    keys["SECRET_KEY"], keys["SECRET_KEY_FALLBACKS"] = "new", ["old"]
    refreshed = environ_way.ask("/", headers=[("Cookie", header.partition(";")[0])])
    fresh = refreshed.one("Set-Cookie")
    assert fresh is not None
    keys["SECRET_KEY_FALLBACKS"] = None
    assert who(environ_way, fresh.partition(";")[0]) == "alice"


# What a token is made of.


def test_a_signed_token_whose_content_is_no_session_is_empty(
    environ_way: EnvironWay, app: Flask
) -> None:
    serializer = SecureCookieSessionInterface().get_signing_serializer(app)
    assert serializer is not None
    for content in ([1], "text", 7, None, True):
        assert who(environ_way, f"session={serializer.dumps(content)}") == "None"


@pytest.mark.parametrize("inner", [b"\xff\xfe", b"not json", b"\x80\x04N.", b"[" * 50_000, b""])
def test_signed_bytes_that_are_no_json_are_an_empty_session(
    environ_way: EnvironWay, app: Flask, inner: bytes
) -> None:
    serializer = SecureCookieSessionInterface().get_signing_serializer(app)
    assert serializer is not None
    payload = base64.urlsafe_b64encode(inner).rstrip(b"=")
    token = serializer.make_signer().sign(payload).decode()
    assert who(environ_way, f"session={token}") == "None"


UNSAFE = {"pickle", "cPickle", "_pickle", "marshal", "shelve", "dill", "cloudpickle", "jsonpickle"}


def unsafe_imports(source: str) -> list[int]:
    """Return the lines of a module that import what runs code when it reads bytes."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if (isinstance(node, ast.Import) and UNSAFE & {name.name for name in node.names})
        or (isinstance(node, ast.ImportFrom) and node.module in UNSAFE)
    ]


def test_nothing_of_kolben_reads_pickles() -> None:
    assert unsafe_imports("import os, pickle\nfrom marshal import loads\nimport json") == [1, 2]
    root = Path(kolben.__file__).parent
    found = {path.name: unsafe_imports(path.read_text("utf-8")) for path in root.rglob("*.py")}
    assert found
    assert not any(found.values()), found
