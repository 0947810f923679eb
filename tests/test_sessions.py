"""Sessions: signed cookies that Flask reads too, and the interface for others."""

from __future__ import annotations

import base64
import copy
import json
import pickle
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import BadSignature, TimestampSigner, URLSafeTimedSerializer
from markupsafe import Markup

from kolben import Flask, session
from kolben.json.tag import TaggedJSONSerializer
from kolben.sessions import (
    NullSession,
    SecureCookieSession,
    SecureCookieSessionInterface,
    SessionInterface,
)
from tests.wires import MakeClient

SIGNED_AT = 1_700_000_000

# Signed by Flask 3.1.3 at SIGNED_AT with SECRET_KEY "a key".
RECORDED = [
    pytest.param(
        {"user_id": 1}, "eyJ1c2VyX2lkIjoxfQ.ZVPxAA.YDS_Z3qGlMufegk_3gHk3-M16TQ", id="plain"
    ),
    pytest.param(
        {
            "t": (1, "a"),
            "b": b"\xff",
            "m": Markup("<i>"),
            "u": UUID(int=7),
            "d": datetime(2020, 1, 1, tzinfo=UTC),
        },
        ".eJyrVkpSsqpWUgCSSvrltrZKtTpKKWARIKkUnpqio2BgqOCVmKdgZGBkoGBgYAVGCu6-ISCluWClQFLJJtMO"
        "JFACFgCS0YY6SolKsUChUrAQkFQywA_MlWprAdENIb8.ZVPxAA.-rK-rlKrfdKg8e3KIwq6-IiR1_w",
        id="every kind",
    ),
    pytest.param(
        {"x": {" t": "no tuple"}, "y": {" di": " di"}},
        ".eJyrVqpQsqpWUkjJBFMl8fFKVkp5-QolpQU5qUq1tTpKlcjyKZlgBSBubW0tADG0El0.ZVPxAA"
        ".sNpLQbAGlpePAmRLFcLj84ZQb_k",
        id="like a tag",
    ),
    pytest.param(
        {"_permanent": True, "name": "Zoë"},
        "eyJfcGVybWFuZW50Ijp0cnVlLCJuYW1lIjoiWm9cdTAwZWIifQ.ZVPxAA.2Kh3mTyooGst3aYUM5lSgfFS2WE",
        id="permanent",
    ),
    pytest.param(
        {"text": "a" * 300},
        ".eJyrVipJrShRslJKHAVEA6VaADFodSw.ZVPxAA.vki0Kn9QbOgoXJdBJGQX3uLV6S0",
        id="compressed",
    ),
    pytest.param(
        {"_flashes": [("message", "Hello")]},
        "eyJfZmxhc2hlcyI6W3siIHQiOlsibWVzc2FnZSIsIkhlbGxvIl19XX0.ZVPxAA"
        ".dgMtFZurgyJhgsH60UWYBbrq7pE",
        id="flashes",
    ),
]


@pytest.fixture
def app() -> Flask:
    app = Flask(__name__)
    app.secret_key = "a key"
    return app


@pytest.fixture
def at_signing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: SIGNED_AT)


@pytest.fixture
def signer(app: Flask) -> Callable[[Any], str]:
    """Return what signs any content at all with the app's key."""
    serializer = URLSafeTimedSerializer(
        "a key", salt="cookie-session", signer_kwargs={"key_derivation": "hmac"}
    )
    return serializer.dumps


def opened(app: Flask, cookie: str) -> SecureCookieSession:
    """Open the session of a request with a session cookie."""
    with app.test_request_context(headers={"Cookie": f"session={cookie}"}) as context:
        found = app.session_interface.open_session(app, context.request)
    assert isinstance(found, SecureCookieSession)
    return found


def token(app: Flask, content: dict[str, Any]) -> str:
    """Sign a session as the app would."""
    serializer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]  # the default one
    with app.app_context():
        signed: str = serializer.dumps(content)
    return signed


# Interchangeable


@pytest.mark.usefixtures("at_signing")
@pytest.mark.parametrize(("content", "cookie"), RECORDED)
def test_opens_a_cookie_that_flask_signed(app: Flask, content: dict[str, Any], cookie: str) -> None:
    found = opened(app, cookie)
    assert content == dict(found)
    assert repr(content) == repr({key: found[key] for key in content})


@pytest.mark.usefixtures("at_signing")
@pytest.mark.parametrize(("content", "cookie"), RECORDED)
def test_signs_as_flask_does(app: Flask, content: dict[str, Any], cookie: str) -> None:
    assert cookie == token(app, content)


@pytest.mark.parametrize("derivation", ["hmac", "concat", "django-concat", "none"])
@given(
    content=st.dictionaries(st.text(), st.integers() | st.text() | st.binary()),
    key=st.text(min_size=1),
)
def test_signs_and_verifies_as_itsdangerous_does(
    derivation: str, content: dict[str, Any], key: str
) -> None:
    app = Flask(__name__)
    app.secret_key = key
    interface = SecureCookieSessionInterface()
    interface.key_derivation = derivation
    ours: Any = interface.get_signing_serializer(app)
    theirs = URLSafeTimedSerializer(
        key,
        salt="cookie-session",
        serializer=TaggedJSONSerializer(),
        signer_kwargs={"key_derivation": derivation},
    )
    assert theirs.loads(ours.dumps(content)) == content
    assert ours.loads(theirs.dumps(content)) == content


# Refused


def test_only_the_canonical_spelling_of_a_token_verifies(app: Flask) -> None:
    # SECURITY: row 5, token malleability.
    signed = token(app, {"a": 1})
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    others = [signed[:-1] + last for last in alphabet if last != signed[-1]]
    others += [signed + "=", signed + "==", signed + "!", signed[:-5] + "!" + signed[-5:]]
    assert opened(app, signed) == {"a": 1}
    assert [dict(opened(app, other)) for other in others] == [{}] * len(others)


def test_itsdangerous_itself_takes_other_spellings(app: Flask) -> None:
    """If this fails, itsdangerous has become strict and CanonicalSigner may go."""
    signer = TimestampSigner("a key")
    signed = signer.sign(b"x").decode()
    assert signer.validate(signed + "=")


@pytest.mark.parametrize(
    "content",
    [[1, 2], "text", None, 1, {" u": "zz"}, {"a": {" t": 1}}, {" di": 1}, {" b": "a"}],
    ids=repr,
)
def test_signed_content_that_is_no_session_is_an_empty_one(
    app: Flask, signer: Callable[[Any], str], content: Any
) -> None:
    assert opened(app, signer(content)) == {}


@pytest.mark.parametrize(
    "cookie", ["", ".", "..", "a.b.c", "x" * 10_000, "\xff\xfe", "é.é.é", '"quoted"', ".eJy.x.y"]
)
def test_an_unreadable_cookie_is_an_empty_session(app: Flask, cookie: str) -> None:
    assert opened(app, cookie) == {}


@given(noise=st.text(alphabet=st.characters(max_codepoint=255, exclude_characters="\r\n;\0")))
def test_no_cookie_makes_opening_fail(noise: str) -> None:
    app = Flask(__name__)
    app.secret_key = "a key"
    assert opened(app, noise) == {}


def test_an_expired_cookie_is_an_empty_session(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    app.config["PERMANENT_SESSION_LIFETIME"] = 60
    monkeypatch.setattr(time, "time", lambda: SIGNED_AT)
    signed = token(app, {"a": 1})
    monkeypatch.setattr(time, "time", lambda: SIGNED_AT + 60)
    assert opened(app, signed) == {"a": 1}
    monkeypatch.setattr(time, "time", lambda: SIGNED_AT + 61)
    assert opened(app, signed) == {}


def test_a_token_for_another_purpose_is_no_session(app: Flask) -> None:
    other = URLSafeTimedSerializer("a key", salt="reset", signer_kwargs={"key_derivation": "hmac"})
    assert opened(app, other.dumps({"a": 1})) == {}


# Keys


def test_a_changed_secret_key_takes_effect_at_once(app: Flask) -> None:
    signed = token(app, {"a": 1})
    app.secret_key = "another"
    assert opened(app, signed) == {}
    assert token(app, {"a": 1}) != signed
    app.secret_key = b"a key"
    assert opened(app, signed) == {"a": 1}


def test_fallbacks_verify_but_do_not_sign(app: Flask) -> None:
    old = token(app, {"a": 1})
    app.secret_key = "new"
    assert opened(app, old) == {}
    app.config["SECRET_KEY_FALLBACKS"] = ["older", "a key"]
    assert opened(app, old) == {"a": 1}
    new = token(app, {"a": 1})
    app.config["SECRET_KEY_FALLBACKS"] = None
    assert opened(app, new) == {"a": 1}


@pytest.mark.parametrize("fallbacks", ["old key", b"old key"])
def test_fallbacks_that_are_one_key_are_refused(app: Flask, fallbacks: str | bytes) -> None:
    app.config["SECRET_KEY_FALLBACKS"] = fallbacks
    with pytest.raises(TypeError, match=r"list of old keys.*\['the old key'\]"):
        opened(app, "x")


def test_the_serializer_is_made_once_for_a_key(app: Flask) -> None:
    interface: Any = app.session_interface
    first = interface.get_signing_serializer(app)
    assert interface.get_signing_serializer(app) is first
    assert first.make_signer() is first.make_signer()
    assert first.make_signer("other") is not first.make_signer()


@pytest.mark.parametrize(
    "change",
    [
        {"salt": "other"},
        {"key_derivation": "concat"},
        {"digest_method": staticmethod(__import__("hashlib").sha256)},
        {"serializer": json},
    ],
    ids=lambda change: next(iter(change)),
)
def test_each_option_of_an_interface_counts(app: Flask, change: dict[str, Any]) -> None:
    interface: Any = app.session_interface
    before = interface.get_signing_serializer(app)
    kind: Any = type("Own", (SecureCookieSessionInterface,), change)
    after = kind().get_signing_serializer(app)
    assert after is not before
    if change.keys() != {"serializer"}:
        with pytest.raises(BadSignature):
            before.loads(after.dumps({"a": 1}))


class Unhashable(TaggedJSONSerializer):
    __hash__ = None  # type: ignore[assignment]  # the point of it


def test_a_serializer_without_a_hash_signs_too(app: Flask) -> None:
    signed = token(app, {"a": (1,)})
    interface = SecureCookieSessionInterface()
    interface.serializer = Unhashable()
    app.session_interface = interface
    assert opened(app, signed) == {"a": (1,)}
    assert opened(app, token(app, {"b": 2})) == {"b": 2}


@pytest.mark.parametrize("key", [None, "", b""])
def test_without_a_key_a_session_is_read_as_empty_and_refuses_changes(app: Flask, key: Any) -> None:
    app.secret_key = key
    with app.test_request_context():
        assert session.get("a") is None
        assert len(session) == 0
        for change in (
            lambda: session.__setitem__("a", 1),
            lambda: session.__delitem__("a"),
            lambda: session.__ior__({"a": 1}),
            lambda: session.pop("a", None),
            lambda: session.update(a=1),
            lambda: session.setdefault("a", 1),
            session.popitem,
            session.clear,
            lambda: setattr(session, "permanent", True),
        ):
            with pytest.raises(RuntimeError, match=r"session is unavailable.*token_hex"):
                change()  # type: ignore[operator]  # each takes nothing


def test_a_key_taken_away_before_saving_is_an_error(app: Flask, wire: MakeClient) -> None:
    app.testing = True

    @app.get("/")
    def index() -> str:
        session["a"] = 1
        app.secret_key = None
        return ""

    with pytest.raises(RuntimeError, match="no secret key"):
        wire(app).get("/")


# The dict


@pytest.mark.parametrize(
    ("change", "modified"),
    [
        (lambda s: s.__setitem__("b", 2), True),
        (lambda s: s.__delitem__("a"), True),
        (lambda s: s.setdefault("a", 2), False),
        (lambda s: s.setdefault("b", 2), True),
        (lambda s: s.pop("b", None), False),
        (lambda s: s.pop("a"), True),
        (lambda s: s.update(), True),
        (lambda s: s.clear(), True),
        (lambda s: s.popitem(), True),
        (lambda s: s.__ior__({"b": 1}), True),
        (lambda s: setattr(s, "permanent", True), True),
        (lambda s: s["a"], False),
        (lambda s: s["a"].append(2), False),
        (lambda s: s.get("a"), False),
        (lambda s: s.permanent, False),
        (lambda s: (len(s), "a" in s, list(s), bool(s)), False),
    ],
)
def test_only_changes_of_the_dict_itself_mark_it_as_modified(change: Any, modified: bool) -> None:
    it = SecureCookieSession({"a": [1]})
    assert (it.new, it.modified, it.accessed, it.permanent) == (False, False, False, False)
    change(it)
    assert it.modified is modified


def test_what_is_told_of_a_change_may_be_another_function() -> None:
    it, told = SecureCookieSession(), []
    it.on_update = told.append  # type: ignore[assignment, method-assign]  # as CallbackDict allows
    it["a"] = 1
    assert (told, it.modified) == ([it], False)
    it.on_update = None  # type: ignore[assignment, method-assign]  # as above
    it["a"] = 2
    assert (len(told), it.modified) == (1, False)


@pytest.mark.parametrize(
    "clone", [copy.copy, copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))]
)
def test_a_copy_is_a_session(clone: Any) -> None:
    twin = clone(SecureCookieSession({"a": 1}))
    assert (type(twin), dict(twin)) == (SecureCookieSession, {"a": 1})


@pytest.mark.parametrize("value", [True, False])
def test_permanent_is_kept_in_the_dict(value: bool) -> None:
    it = SecureCookieSession()
    it.permanent = value
    assert it == {"_permanent": value}
    assert it.permanent is value


# The interface


@pytest.mark.parametrize(
    ("path", "root", "expected"), [(None, "/r", "/r"), ("", "/r", "/r"), ("/p", "/r", "/p")]
)
def test_the_cookies_path_falls_back_to_the_apps(
    app: Flask, path: str | None, root: str, expected: str
) -> None:
    app.config.update(SESSION_COOKIE_PATH=path, APPLICATION_ROOT=root)
    assert app.session_interface.get_cookie_path(app) == expected


def test_a_permanent_session_expires_after_the_lifetime(app: Flask) -> None:
    app.config["PERMANENT_SESSION_LIFETIME"] = 60
    it = SecureCookieSession()
    assert app.session_interface.get_expiration_time(app, it) is None
    it.permanent = True
    expires = app.session_interface.get_expiration_time(app, it)
    assert expires is not None
    assert timedelta(seconds=50) < expires - datetime.now(UTC) <= timedelta(seconds=60)


def test_null_sessions_are_of_the_interfaces_class(app: Flask) -> None:
    class Nothing(NullSession):
        pass

    class Own(SessionInterface):
        null_session_class = Nothing

    interface = Own()
    assert type(interface.make_null_session(app)) is Nothing
    assert interface.is_null_session(Nothing())
    assert not interface.is_null_session(NullSession())


def test_a_null_session_may_be_of_any_class(app: Flask) -> None:
    class Own(SessionInterface):
        null_session_class = SecureCookieSession

    assert Own().is_null_session(SecureCookieSession())
    assert not app.session_interface.is_null_session(SecureCookieSession())
    with app.test_request_context():
        assert not app.session_interface.is_null_session(session)
        assert Own().is_null_session(session)


@pytest.mark.parametrize("method", ["open_session", "save_session"])
def test_the_bare_interface_opens_and_saves_nothing(app: Flask, method: str) -> None:
    arguments: list[Any] = [app, None] if method == "open_session" else [app, None, None]
    with pytest.raises(NotImplementedError, match=method):
        getattr(SessionInterface(), method)(*arguments)


def test_a_session_is_as_readable_as_the_manual_says(app: Flask) -> None:
    payload = token(app, {"user": "zoe"}).split(".")[0]
    padded = payload + "=" * (-len(payload) % 4)
    assert json.loads(base64.urlsafe_b64decode(padded)) == {"user": "zoe"}
