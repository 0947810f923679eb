"""The session, kept in a signed cookie, or wherever an interface of the app's own keeps it.

The cookies are interchangeable with Flask's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple, NoReturn

from itsdangerous import BadData, URLSafeTimedSerializer
from werkzeug.datastructures import CallbackDict

from kolben.config import ConfigAttribute
from kolben.core.client_headers import cookie_of
from kolben.core.response_headers import KNOWN_HEADERS
from kolben.core.signing import KeptSerializer, lazy_sha1, may_hold
from kolben.flask_names import lend_names
from kolben.json.tag import TaggedJSONSerializer
from kolben.typing import App, Request, Response

NO_KEY = (
    "The session is unavailable because no secret key was set. Set `app.secret_key` to a long"
    " random value that stays the same, for example the output of"
    " python -c 'import secrets; print(secrets.token_hex())'"
)


class SessionMixin(MutableMapping[str, Any]):
    """What a dict needs to be a session."""

    # Whether this visitor had no session before; not every interface can tell.
    new = False
    # Whether it must be saved. An interface that cannot tell leaves it True.
    modified = True
    # Whether the response depends on the session (`Vary: Cookie`).
    accessed = False

    @property
    def permanent(self) -> bool:
        """Whether it outlives the browser, for PERMANENT_SESSION_LIFETIME."""
        return bool(self.get("_permanent", False))

    @permanent.setter
    def permanent(self, value: bool) -> None:
        self["_permanent"] = bool(value)


def _mark_as_modified(session: SecureCookieSession) -> None:
    session.modified = True


class SecureCookieSession(  # pyright: ignore[reportIncompatibleMethodOverride]  # update(), as in Flask
    CallbackDict[str, Any], SessionMixin
):
    """A session that is kept in a signed cookie.

    modified: set by each change of the dict itself; a change inside of a value is not seen,
    so set it yourself then: `session.modified = True`.
    """

    modified = False
    accessed = False
    # Of the class, not of each instance, as CallbackDict would have it.
    on_update = staticmethod(_mark_as_modified)

    def __init__(self, initial: Mapping[str, Any] | None = None) -> None:
        dict.__init__(self, initial or ())

    def __setitem__(self, key: str, value: Any) -> None:
        # PERF: without Werkzeug's wrapper: 0.2 us instead of 0.6 us (benchmarks/shortcuts.py).
        dict.__setitem__(self, key, value)
        if self.on_update is _mark_as_modified:
            self.modified = True
        elif self.on_update is not None:
            self.on_update(self)


class NullSession(SecureCookieSession):
    """The session of an app without SECRET_KEY: it can be read, as an empty one."""

    def _refuse(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise RuntimeError(NO_KEY)

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = update = setdefault = _refuse


class SessionInterface:
    """How an app opens and saves sessions.

    Subclass it, and assign an instance to `app.session_interface`. A session is opened before
    the first hook of a request runs and saved after the last.
    """

    # What make_null_session makes, and is_null_session knows again.
    null_session_class: type[SessionMixin] = NullSession
    # Whether it stores pickles: an extension may refuse what cannot be pickled.
    pickle_based = False

    def make_null_session(self, app: App) -> SessionMixin:
        """Make the session for a request whose open_session returned None."""
        return self.null_session_class()

    def is_null_session(self, obj: object) -> bool:
        """Say whether it is a null session, which is not saved."""
        return isinstance(obj, self.null_session_class)

    def get_cookie_name(self, app: App) -> str:
        """Return SESSION_COOKIE_NAME."""
        return app.config["SESSION_COOKIE_NAME"]  # type: ignore[no-any-return]  # Config holds anything

    def get_cookie_domain(self, app: App) -> str | None:
        """Return SESSION_COOKIE_DOMAIN; None: only the exact host gets the cookie."""
        return app.config["SESSION_COOKIE_DOMAIN"]  # type: ignore[no-any-return]  # as above

    def get_cookie_path(self, app: App) -> str:
        """Return SESSION_COOKIE_PATH, or APPLICATION_ROOT if that is not set."""
        return app.config["SESSION_COOKIE_PATH"] or app.config["APPLICATION_ROOT"]  # type: ignore[no-any-return]  # as above

    def get_cookie_httponly(self, app: App) -> bool:
        """Return SESSION_COOKIE_HTTPONLY: scripts cannot read the cookie."""
        return app.config["SESSION_COOKIE_HTTPONLY"]  # type: ignore[no-any-return]  # as above

    def get_cookie_secure(self, app: App) -> bool:
        """Return SESSION_COOKIE_SECURE: only HTTPS requests carry the cookie."""
        return app.config["SESSION_COOKIE_SECURE"]  # type: ignore[no-any-return]  # as above

    def get_cookie_samesite(self, app: App) -> str | None:
        """Return SESSION_COOKIE_SAMESITE: Strict, Lax, or None for no such attribute."""
        return app.config["SESSION_COOKIE_SAMESITE"]  # type: ignore[no-any-return]  # as above

    def get_cookie_partitioned(self, app: App) -> bool:
        """Return SESSION_COOKIE_PARTITIONED: one cookie for each site that embeds this one."""
        return app.config["SESSION_COOKIE_PARTITIONED"]  # type: ignore[no-any-return]  # as above

    def get_expiration_time(self, app: App, session: SessionMixin) -> datetime | None:
        """Return when the cookie ends, in UTC; None: when the browser is closed."""
        if session.permanent:
            return datetime.now(UTC) + app.permanent_session_lifetime
        return None

    def should_set_cookie(self, app: App, session: SessionMixin) -> bool:
        """Say whether the response carries the cookie.

        It does if the session has been modified, or if it is permanent and
        SESSION_REFRESH_EACH_REQUEST is on.
        """
        return session.modified or (
            session.permanent and bool(app.config["SESSION_REFRESH_EACH_REQUEST"])
        )

    def open_session(self, app: App, request: Request) -> SessionMixin | None:
        """Return the session of a request; None if sessions are not configured."""
        raise NotImplementedError(f"{type(self).__name__} has no open_session(): give it one.")

    def save_session(self, app: App, session: SessionMixin, response: Response) -> None:
        """Save the session, and tell the browser in the response. Not called for null sessions."""
        raise NotImplementedError(f"{type(self).__name__} has no save_session(): give it one.")


session_json_serializer = TaggedJSONSerializer()


@lru_cache(maxsize=32)
def _serializer_for(
    keys: tuple[str | bytes, ...],
    salt: str,
    serializer: Any,
    key_derivation: str,
    digest_method: Callable[..., Any],
) -> URLSafeTimedSerializer:
    """Make a serializer, or return the one made before from the same arguments."""
    return KeptSerializer(keys, salt, serializer, key_derivation, digest_method)


class SecureCookieSessionInterface(SessionInterface):
    """Keeps the session in a cookie: everybody may read it, only the app can change it."""

    # What tells these signatures from others made with the same key.
    salt = "cookie-session"
    digest_method: Callable[..., Any] = staticmethod(lazy_sha1)
    # How itsdangerous makes the signing key from the secret key.
    key_derivation = "hmac"
    serializer: Any = session_json_serializer
    session_class: type[SecureCookieSession] = SecureCookieSession

    def get_signing_serializer(self, app: App) -> URLSafeTimedSerializer | None:
        """Return what signs with SECRET_KEY and also verifies with SECRET_KEY_FALLBACKS.

        None without a secret key. Raises TypeError if SECRET_KEY_FALLBACKS is one key instead
        of a list of keys.
        """
        secret_key = app.secret_key
        if not secret_key:
            return None
        fallbacks = app.config["SECRET_KEY_FALLBACKS"] or ()
        if isinstance(fallbacks, (str, bytes)):
            # SECURITY: as a sequence of keys it would be keys of one character each.
            raise TypeError(
                "SECRET_KEY_FALLBACKS is one key; it must be a list of old keys. Put it in"
                " brackets: app.config['SECRET_KEY_FALLBACKS'] = ['the old key']"
            )
        # itsdangerous signs with the last key and verifies with each, the last one first.
        keys = (*fallbacks, secret_key) if fallbacks else (secret_key,)
        options = (keys, self.salt, self.serializer, self.key_derivation, self.digest_method)
        try:
            return _serializer_for(*options)
        except TypeError:
            # One of them has no hash, or is wrong, which is then said again.
            return _serializer_for.__wrapped__(*options)

    def open_session(self, app: App, request: Request) -> SecureCookieSession | None:
        """Read the session from the request's cookie; None without a secret key.

        A cookie that is forged, expired, unreadable or holds no dict gives an empty session.
        """
        known = self._known(app)
        serializer = self.get_signing_serializer(app) if known is None else known.serializer
        if serializer is None:
            return None
        cookie = cookie_of(request, self.get_cookie_name(app) if known is None else known.name)
        if not cookie:
            return self.session_class()
        max_age_s = _lifetime_s(app) if known is None else known.lifetime_s
        try:
            content = serializer.loads(cookie, max_age=max_age_s)
        except BadData:
            return self.session_class()
        return self.session_class(content if isinstance(content, dict) else None)

    def _may_refresh(self, app: App, request: Request) -> bool:
        """Say whether a session that nobody touched may have to be sent again."""
        if not app.config["SESSION_REFRESH_EACH_REQUEST"]:
            return False
        cookie = cookie_of(request, self.get_cookie_name(app))
        if not cookie:
            return False
        # PERF: only a permanent session has to, so no other one is opened for that: 0.7 us instead
        # of 5.3 us (benchmarks/shortcuts.py).
        is_own = self.serializer is session_json_serializer and not vars(self)
        return not is_own or may_hold(cookie, b"_permanent")

    def save_session(self, app: App, session: SessionMixin, response: Response) -> None:
        """Set, refresh or delete the cookie, and say `Vary: Cookie` if the session was used."""
        if session.accessed:
            _vary_by_cookie(response)
        if session:
            if not self.should_set_cookie(app, session):
                return
            self._set_cookie(app, session, response)
        elif session.modified:
            response.delete_cookie(self.get_cookie_name(app), **self._cookie_options(app))
        else:
            return
        if not session.accessed:
            _vary_by_cookie(response)

    def _set_cookie(self, app: App, session: SessionMixin, response: Response) -> None:
        """Let the response carry the session."""
        known = self._known(app)
        serializer = self.get_signing_serializer(app) if known is None else known.serializer
        if serializer is None:
            raise RuntimeError(NO_KEY)
        value = serializer.dumps(dict(session))
        expires = self.get_expiration_time(app, session)
        if known is None:
            name, options = self.get_cookie_name(app), self._cookie_options(app)
        else:
            name, options = known.name, known.options
        response.set_cookie(name, value, expires=expires, **options)

    def _known(self, app: App) -> _Known | None:
        """Return what the methods above say of an app; None if each has to be asked."""
        if type(self) is not SecureCookieSessionInterface or self.__dict__:
            return None
        config = app.config
        version = getattr(config, "_version", None)  # a dict may have been put there
        kept: tuple[object, _Known | None] | None = app.__dict__.get("_known_of_session")
        if kept is None or kept[0] is not version:
            # The version is read first: what changes meanwhile has another one.
            kept = app.__dict__["_known_of_session"] = (version, _learn(self, app, version))
        # A list of keys may grow without another version.
        return None if config["SECRET_KEY_FALLBACKS"] else kept[1]

    def _cookie_options(self, app: App) -> dict[str, Any]:
        """Return the attributes that the cookie has, also when it is deleted."""
        return {
            "domain": self.get_cookie_domain(app),
            "path": self.get_cookie_path(app),
            "secure": self.get_cookie_secure(app),
            "partitioned": self.get_cookie_partitioned(app),
            "samesite": self.get_cookie_samesite(app),
            "httponly": self.get_cookie_httponly(app),
        }


def _lifetime_s(app: App) -> int:
    """Return how long a session may be used after it was signed."""
    return int(app.permanent_session_lifetime.total_seconds())


class _Known(NamedTuple):
    """How sessions come and go with an app as it is configured.

    options: the attributes of the cookie, whether it is set or deleted.
    """

    name: str
    serializer: KeptSerializer
    lifetime_s: int
    options: dict[str, Any]


_STEPS = (
    "_cookie_options",
    "get_cookie_domain",
    "get_cookie_httponly",
    "get_cookie_name",
    "get_cookie_partitioned",
    "get_cookie_path",
    "get_cookie_samesite",
    "get_cookie_secure",
    "get_signing_serializer",
)
_OWN_STEPS = [getattr(SecureCookieSessionInterface, step) for step in _STEPS]
# Of types in which nothing changes.
_SETTINGS = frozenset({str, bool, type(None)})


def _learn(
    interface: SecureCookieSessionInterface, app: App, version: object | None
) -> _Known | None:
    """Learn how an app has its sessions; None if that may change without another version."""
    kinds = [
        type(getattr(type(app), name)) for name in ("secret_key", "permanent_session_lifetime")
    ]
    if (
        version is None
        or kinds != [ConfigAttribute, ConfigAttribute]
        or [getattr(type(interface), step) for step in _STEPS] != _OWN_STEPS
        or type(app.secret_key) not in {str, bytes}
    ):
        return None
    try:
        serializer = interface.get_signing_serializer(app)
        name, options = interface.get_cookie_name(app), interface._cookie_options(app)
        if type(serializer) is not KeptSerializer or not _SETTINGS.issuperset(
            map(type, (name, *options.values()))
        ):
            return None
        return _Known(name, serializer, _lifetime_s(app), options)
    except (AttributeError, KeyError, TypeError, ValueError):
        return None  # who needs what is wrong, says so


def _vary_by_cookie(response: Response) -> None:
    """Tell caches that the response is only for requests with the same cookies."""
    headers = response.headers
    if type(headers) in KNOWN_HEADERS:
        # PERF: no set of names is made for one name: 0.7 us instead of 4.4 us
        # (benchmarks/shortcuts.py).
        for name, _ in headers._list:
            if name == "Vary" or name.lower() == "vary":
                break
        else:
            headers._list.append(("Vary", "Cookie"))
            return
    if headers.get("Vary") != "Cookie":
        response.vary.add("Cookie")


lend_names(globals())
