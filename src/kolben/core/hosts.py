"""Which Host header a request may carry.

Rule: the path of a request never depends on what is decided here; a bad host is a 400.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from ipaddress import IPv6Address

from werkzeug.exceptions import SecurityError
from werkzeug.sansio.utils import host_is_trusted

from kolben.typing import Request

# A name of labels, an IPv4 or a bracketed IPv6 address, and perhaps a port (RFC 9110 §7.2).
# Underscores are no valid domain, but Docker's service names have them; letters beyond ASCII are
# no valid header, but a name before its IDNA encoding.
# PERF: by what a label may not have, and in both cases: compiled in 150 us instead of 14000 us
# (benchmarks/shortcuts.py).
_LABEL = r"[^\x00-,./:-@\[-^`{-\x7f]{1,63}"
_HOST = rf"((?:{_LABEL}\.)*{_LABEL}\.?|\[[A-Fa-f0-9:.]+\])(?::([1-9][0-9]{{0,4}})?)?"
_valid_host = re.compile(_HOST).fullmatch
_HIGHEST_PORT = 65_535

# PERF: hosts found valid, so that the usual one costs a look-up: 0.1 us instead of 1.0 us
# (benchmarks/shortcuts.py). Bounded, as clients choose what stands in it.
known_hosts: set[str] = set()
_MOST_KNOWN = 256


def is_valid_host(host: str) -> bool:
    """Say whether a Host header is `name[:port]`, and both can exist."""
    if host in known_hosts:
        return True
    parts = _valid_host(host)
    if parts is None or not _has_meaning(parts[1]) or int(parts[2] or 0) > _HIGHEST_PORT:
        return False
    if len(known_hosts) >= _MOST_KNOWN:
        known_hosts.clear()
    known_hosts.add(host)
    return True


def _has_meaning(name: str) -> bool:
    """Say whether a name is an address if it looks like one, and has an IDNA form.

    SECURITY: where they have none, building a URL with them raises, and a view answers 500.
    """
    try:
        if name[0] == "[":
            IPv6Address(name[1:-1])
        elif not name.isascii():
            name.encode("idna")
        elif "xn--" in name.lower():
            name.encode().decode("idna")
    except ValueError:
        return False
    return True


def check_host(request: Request, trusted: Collection[str] | None) -> None:
    """Raise SecurityError (400) for a Host header that is malformed, not trusted, or missing.

    trusted: TRUSTED_HOSTS; names that start with a dot take subdomains too; None: those of
    the request's class, else any.
    """
    trusted = request.trusted_hosts if trusted is None else trusted
    if trusted is not None:
        request.trusted_hosts = list(trusted)  # a handler of the 400 may not believe it either
    environ = request.environ
    host = environ.get("HTTP_HOST")
    if not host:
        # RFC 9112 §3.2: HTTP/1.1 requires one.
        if host is None and environ.get("SERVER_PROTOCOL") != "HTTP/1.1":
            pass
        elif _is_from_server(request):
            what = "has no Host header" if host is None else "has an empty Host header"
            raise SecurityError(f"The request {what}.")
    elif not is_valid_host(host):
        raise SecurityError(f"The Host header {host!r} is not a valid host.")
    if trusted is not None and not host_is_trusted(host or request.host, trusted):
        raise SecurityError(f"The host {host!r} is not served here.")


def _is_from_server(request: Request) -> bool:
    """Say whether a server made a request's environ, and not a test or a script.

    FLASK: those may leave the host out, and build URLs from what is there: Frozen-Flask asks with
    `base_url="/path"`. A server always names itself (PEP 3333), and tells the client's port.
    """
    environ = request.environ
    return bool(environ.get("SERVER_NAME")) and (
        request._source is not None or "REMOTE_PORT" in environ or "SERVER_SOFTWARE" in environ
    )
