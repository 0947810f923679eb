"""What a trusted proxy says of a request, and where the app is mounted, put into each interface.

Rule: nothing is believed that an untrusted client could have written. X-Forwarded-For is read from
its right end, where the nearest proxy adds to it; of the other headers only the last value counts.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import click

from kolben.entry.adapted_scope import AdaptedScope, HeadersWithHost
from kolben.entry.scopes import PEER, _split_address, split_root
from kolben.typing import Receive, Scope, Send, WSGIEnvironment

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
# Returns all values of a header, whose name is in lower case.
Read = Callable[[str], list[str]]

KNOWN_HEADERS = frozenset({"for", "proto", "host", "port", "prefix"})
# SECURITY: others, such as `javascript`, would end up in every external URL.
_SCHEMES = frozenset({"http", "https"})
EVERYONE, UNIX = "*", "unix"
_NO_ADDRESS = frozenset({"", "-", UNIX})


@dataclass(frozen=True)
class Said:
    """What a proxy says of a request; None for what it does not say."""

    client: str | None = None
    scheme: str | None = None
    host: str | None = None
    port: str | None = None
    prefix: str | None = None


_NOTHING = Said()


@dataclass(frozen=True)
class Trust:
    """Whom to believe, and what.

    headers: of KNOWN_HEADERS, those that the proxy sets on each request; one that it passes on as
    the client wrote it must not be among them.
    """

    networks: tuple[Network, ...] = ()
    everyone: bool = False
    unix: bool = False
    headers: frozenset[str] = frozenset({"for", "proto"})
    _known: dict[str, bool] = field(default_factory=dict, compare=False, repr=False)

    def trusts(self, address: str) -> bool:
        """Say whether a peer with this address (without a port) is a trusted proxy."""
        if address in _NO_ADDRESS:
            return self.unix or self.everyone
        return self.everyone or self._is_inside(address)

    def _is_inside(self, address: str) -> bool:
        found = self._known.get(address)
        if found is None:
            parsed = parse_address(address)
            found = parsed is not None and any(parsed in network for network in self.networks)
            if len(self._known) < 256:
                self._known[address] = found
        return found

    def listen(self, peer: str, read: Read) -> Said:
        """Return what a peer says in the X-Forwarded headers of a request, if it is trusted."""
        if not self.trusts(peer):
            return _NOTHING
        said = {name: _last(read(f"x-forwarded-{name}")) for name in self.headers - {"for"}}
        scheme = (said.get("proto") or "").lower()
        return Said(
            self._find_client(read) if "for" in self.headers else None,
            scheme if scheme in _SCHEMES else None,
            said.get("host"),
            _port_of(said.get("port")),
            _prefix_of(said.get("prefix")),
        )

    def _find_client(self, read: Read) -> str | None:
        """Return the address that the outermost trusted proxy was called from."""
        client = None
        for text in reversed(",".join(read("x-forwarded-for")).split(",")):
            address = parse_address(_without_port(text.strip()))
            if address is None:
                break
            client = str(address)
            if not self._is_inside(client):
                break
        return client


def parse_trust(addresses: Iterable[str], headers: Iterable[str]) -> Trust | None:
    """Read the settings; None if nobody is to be believed.

    Raises click.UsageError for what is no address, no network, or no header.
    """
    names = list(addresses)
    unknown = [name for name in headers if name not in KNOWN_HEADERS]
    if unknown:
        known = ", ".join(sorted(KNOWN_HEADERS))
        raise click.UsageError(f"--proxy-headers: {unknown[0]!r} is none of {known}.")
    networks = []
    for name in names:
        if name in {EVERYONE, UNIX}:
            continue
        try:
            networks.append(ipaddress.ip_network(name, strict=False))
        except ValueError:
            raise click.UsageError(
                f"--trust-proxy: {name!r} is neither an address nor a network, as 10.0.0.0/8, nor"
                f" {UNIX!r}, nor {EVERYONE!r}."
            ) from None
    if not names:
        return None
    return Trust(tuple(networks), EVERYONE in names, UNIX in names, frozenset(headers))


def parse_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return an address; of an IPv4 one that stands in an IPv6 one, the former. None for others."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _without_port(text: str) -> str:
    """Take the port off an address: `1.2.3.4:80`, `[::1]:80`, and `::1` which has none."""
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text


def _last(values: list[str]) -> str | None:
    """Return the last value of a header that may come several times and hold several."""
    return ",".join(values).rpartition(",")[2].strip() or None


def _port_of(text: str | None) -> str | None:
    if text is None or len(text) > 5 or not (text.isascii() and text.isdecimal()):
        return None
    return text if 0 < int(text) < 65536 else None


def _prefix_of(text: str | None) -> str | None:
    """Return a path; None for what a browser could take for another host, and for no path."""
    if text is None or not text.startswith("/") or text.startswith(("//", "/\\")):
        return None
    return text.rstrip("/") if text.isprintable() else None


def host_with(said: Said, host: str | None) -> str | None:
    """Return the Host that results; None if nothing is said of it."""
    if said.port is None:
        return said.host
    name = said.host or host
    if name is None:
        return None
    return f"{_strip_port(name)}:{said.port}"


def _strip_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and "]" not in port else host


@dataclass(frozen=True)
class Adaptation:
    """Tells an app what a proxy says, and where it is mounted. root: as `/shop`, "" for nowhere."""

    trust: Trust | None
    root: str = ""

    def environ(self, environ: WSGIEnvironment) -> None:
        """Change a WSGI environ in place."""
        said = _NOTHING
        if self.trust is not None:
            peer = environ.get("REMOTE_ADDR", "")

            def read(name: str) -> list[str]:
                value = environ.get(f"HTTP_{name.upper().replace('-', '_')}")
                return [] if value is None else [value]

            said = self.trust.listen(peer, read)
        self._mount(environ, said.prefix)
        if said.client is not None:
            environ["REMOTE_ADDR"] = said.client
            environ.pop("REMOTE_PORT", None)
        if said.scheme is not None:
            environ["wsgi.url_scheme"] = said.scheme
        host = host_with(said, environ.get("HTTP_HOST"))
        if host is not None:
            environ["HTTP_HOST"] = host
            name, port = _split_address(host)
            environ["SERVER_NAME"] = name
            environ["SERVER_PORT"] = port or environ["SERVER_PORT"]

    def _mount(self, environ: WSGIEnvironment, prefix: str | None) -> None:
        root = prefix or self.root
        if root:
            environ["SCRIPT_NAME"] = root
            environ["PATH_INFO"] = split_root(root, environ["PATH_INFO"])

    def asgi(self, scope: Scope) -> Scope:
        """Return a scope of ASGI as the app is to see it."""
        if scope["type"] not in {"http", "websocket"}:
            return scope
        said = _NOTHING
        headers, client = scope["headers"], scope.get("client")
        if self.trust is not None:

            def read(name: str) -> list[str]:
                wanted = name.encode()
                return [value.decode("latin-1") for key, value in headers if key == wanted]

            said = self.trust.listen(client[0] if client else "", read)
        changed = {**scope, "root_path": said.prefix or self.root}
        if said.client is not None:
            changed["client"], changed[PEER] = (said.client, 0), client
        if said.scheme is not None:
            changed["scheme"] = _scheme_of(said.scheme, scope["type"] == "websocket")
        hosts = [value.decode("latin-1") for name, value in headers if name == b"host"]
        host = host_with(said, hosts[0] if hosts else None)
        if host is not None:
            others = [pair for pair in headers if pair[0] != b"host"]
            changed["headers"] = [(b"host", host.encode("latin-1")), *others]
        return changed

    def rsgi(self, scope: Any) -> Any:
        """Return a scope of RSGI as the app is to see it."""
        said = _NOTHING
        if self.trust is not None:
            said = self.trust.listen(_split_address(scope.client)[0], scope.headers.get_all)
        root = said.prefix or self.root
        replaced: dict[str, Any] = {"root_path": root, "path": split_root(root, scope.path)}
        if said.client is not None:
            replaced["client"] = said.client
        if said.scheme is not None:
            replaced["scheme"] = _scheme_of(said.scheme, scope.proto == "ws")
        host = host_with(said, scope.headers.get("host") or scope.authority)
        if host is not None:
            replaced["headers"] = HeadersWithHost(scope.headers, host)
            replaced["authority"] = host
        return AdaptedScope(scope, replaced)


def _scheme_of(scheme: str, is_socket: bool) -> str:
    """Return the scheme of a request, or of a WebSocket."""
    return {"http": "ws", "https": "wss"}[scheme] if is_socket else scheme


def adaptation_of(
    trust_proxy: Iterable[str], headers: Iterable[str], root: str
) -> Adaptation | None:
    """Make what adapts requests to the settings; None where nothing is to be adapted."""
    trust = parse_trust(trust_proxy, headers)
    root = root.rstrip("/")
    if root and not root.startswith("/"):
        raise click.UsageError(f"--root-path: write it with a slash before it: '/{root}'.")
    return Adaptation(trust, root) if trust is not None or root else None


class AdaptedASGI:
    """An ASGI app that sees adapted scopes."""

    def __init__(self, app: Any, adaptation: Adaptation) -> None:
        self._app = app
        self._adaptation = adaptation

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a connection."""
        await self._app(self._adaptation.asgi(scope), receive, send)


class AdaptedRSGI:
    """An RSGI app that sees adapted scopes."""

    def __init__(self, app: Any, adaptation: Adaptation) -> None:
        self._app = app
        self._adapt = adaptation.rsgi
        self.__rsgi_init__ = app.__rsgi_init__
        self.__rsgi_del__ = app.__rsgi_del__

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        """Answer a connection."""
        await self._app.__rsgi__(self._adapt(scope), protocol)
