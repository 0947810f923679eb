"""What the doctor looks at: each check has a verdict, a reason and, unless all is well, a cure.

Rule: a check judges what it is given, and changes nothing.
"""

from __future__ import annotations

import datetime as dt
import ssl
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from kolben.server import report
from kolben.server.certificates import read_expiry
from kolben.server.clock import find_file_of_the_future, is_synchronised
from kolben.server.facts import Facts
from kolben.server.machine import Machine
from kolben.server.settings import Settings, is_hash_seed_known
from kolben.server.socket_facts import socket_warnings

# A certificate is renewed at the latest when a third of Let's Encrypt's 90 days is left.
DAYS_TO_RENEW = 30
LOOPBACK = ("127.", "::1", "localhost")
MAKE_KEY = (
    "Make one with `python -c 'import secrets; print(secrets.token_hex())'` and read it from the"
    " environment or a file."
)


class Verdict(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Finding:
    """What a check has found. cure: what to do; empty where nothing is to be done."""

    check: str
    verdict: Verdict
    reason: str
    cure: str = ""


def check_all(settings: Settings, facts: Sequence[Facts], machine: Machine) -> list[Finding]:
    """Check an app, how it is to be served, and the machine.

    facts: of two processes, so that they can be compared.
    """
    return [
        *check_debugging(settings, facts[0]),
        *check_keys(facts),
        *check_cookies_and_hosts(settings, facts[0]),
        *check_proxies(settings, facts[0]),
        *check_sockets(settings, facts[0]),
        *check_pools(settings, facts),
        *check_looks(facts),
        *check_drop_in(facts[0]),
        *check_machine(settings, facts, machine),
        *check_certificate(settings, time.time()),
        *check_clock(facts[0], time.time()),
    ]


def check_debugging(settings: Settings, facts: Facts) -> Iterator[Finding]:
    """Judge debug mode, and the debugger as middleware."""
    is_open = not settings.unix_socket and not settings.host.startswith(LOOPBACK)
    if facts.has_debugger:
        where = f" on {settings.host}, to everyone who reaches it" if is_open else ""
        yield Finding(
            "debugger",
            Verdict.PROBLEM,
            f"werkzeug's DebuggedApplication stands around the app: it runs code{where}.",
            "Take it out of app.wsgi_app; `kolben run --debug` has it for development.",
        )
    if facts.debug:
        yield Finding(
            "debug mode",
            Verdict.PROBLEM,
            "Debug mode is on: errors tell clients about the app.",
            "Unset KOLBEN_DEBUG and FLASK_DEBUG, and take `app.debug = True` out of the code.",
        )
    else:
        yield Finding("debug mode", Verdict.OK, "It is off.")


def check_keys(facts: Sequence[Facts]) -> Iterator[Finding]:
    """Judge the secret key, and whether all processes have the same."""
    keys = [one.key for one in facts if one.key is not None]
    if not keys:
        yield Finding(
            "secret key",
            Verdict.WARNING,
            "There is none: the session cannot be written to.",
            MAKE_KEY,
        )
    elif len({key.digest for key in keys}) > 1:
        yield Finding(
            "secret key",
            Verdict.PROBLEM,
            "It is made anew each time that the app is loaded: workers refuse each other's"
            " sessions, and a restart ends all of them.",
            MAKE_KEY,
        )
    elif keys[0].weakness:
        yield Finding("secret key", Verdict.PROBLEM, f"It {keys[0].weakness}.", MAKE_KEY)
    else:
        yield Finding("secret key", Verdict.OK, "It is long, and the same in each process.")
    if facts[0].config["SECRET_KEY_FALLBACKS"]:
        yield Finding(
            "old keys",
            Verdict.PROBLEM,
            "SECRET_KEY_FALLBACKS is one key instead of a list of keys; sessions are refused.",
            "Put it in brackets: app.config['SECRET_KEY_FALLBACKS'] = ['the old key']",
        )


def check_cookies_and_hosts(settings: Settings, facts: Facts) -> Iterator[Finding]:
    """Judge settings of the app that are open by default, as Flask's are."""
    config = facts.config
    if facts.key is not None and not config["SESSION_COOKIE_SECURE"]:
        yield Finding(
            "session cookie",
            Verdict.WARNING,
            "It is sent over plain HTTP too, where others can read and take it.",
            "Where the site has HTTPS: app.config['SESSION_COOKIE_SECURE'] = True",
        )
    if not config["TRUSTED_HOSTS"]:
        yield Finding(
            "hosts",
            Verdict.WARNING,
            "Any Host is believed, and goes into the links of url_for(…, _external=True).",
            "Name yours: app.config['TRUSTED_HOSTS'] = ['shop.example', '.shop.example']",
        )
    if config["MAX_CONTENT_LENGTH"] is None and not settings.max_body_bytes:
        yield Finding(
            "bodies",
            Verdict.WARNING,
            "A request's body may be of any size.",
            "Say how large: app.config['MAX_CONTENT_LENGTH'] = 16 * 1024 * 1024, or --max-body 16m",
        )


def check_proxies(settings: Settings, facts: Facts) -> Iterator[Finding]:
    """Judge who may say where a request comes from."""
    if settings.trust_proxy and facts.proxy_fix is not None:
        yield Finding(
            "proxies",
            Verdict.PROBLEM,
            "Both --trust-proxy and werkzeug's ProxyFix read X-Forwarded headers: the second takes"
            " a client's own word for a proxy's.",
            "Take ProxyFix out of the app, or --trust-proxy out of the settings.",
        )
    elif "*" in settings.trust_proxy and not settings.host.startswith(LOOPBACK):
        yield Finding(
            "proxies",
            Verdict.WARNING,
            f"Whoever reaches {settings.address} can say who he is: --trust-proxy is '*'.",
            "Name the address or network of the proxy, or see that nobody else gets there.",
        )
    elif facts.proxy_fix is not None and not settings.host.startswith(LOOPBACK):
        yield Finding(
            "proxies",
            Verdict.WARNING,
            "ProxyFix believes whoever connects, and the server listens on"
            f" {settings.host}: a client that gets past the proxy can say who he is.",
            "Use --trust-proxy with the proxy's address in its place, or listen on 127.0.0.1.",
        )
    elif settings.trust_proxy:
        trusted = ", ".join(settings.trust_proxy)
        yield Finding("proxies", Verdict.OK, f"X-Forwarded headers are believed from {trusted}.")
    elif facts.proxy_fix is not None:
        yield Finding("proxies", Verdict.OK, "ProxyFix reads X-Forwarded headers.")
    else:
        yield Finding(
            "proxies", Verdict.OK, "None is believed; behind one, serve with --trust-proxy."
        )


def check_sockets(settings: Settings, facts: Facts) -> Iterator[Finding]:
    """Judge whether the app's WebSockets work the way that it is served."""
    count = len(facts.sockets.rules)
    well = f"{report.count(count, 'rule')} of the app can be served" if count else ""
    yield from _of("WebSockets", socket_warnings(facts.sockets, settings), well)


def check_pools(settings: Settings, facts: Sequence[Facts]) -> Iterator[Finding]:
    """Judge pools against threads, and against what database servers allow."""
    pools, limits = facts[0].pools, facts[0].limits
    yield from _of(
        "pools", report.pool_warnings(pools, settings), f"{len(pools)} suffice" if pools else ""
    )
    for limit in limits:
        if limit.failure:
            yield Finding(
                "database server",
                Verdict.WARNING,
                f"{limit.where} cannot be asked: {limit.failure}",
                "See that it runs, and that this machine may connect.",
            )
    answered = [limit.where for limit in limits if not limit.failure]
    yield from _of(
        "database server",
        report.limit_warnings(limits, pools, settings),
        f"{', '.join(answered)} allows all that the pools hold" if answered else "",
    )


def check_looks(facts: Sequence[Facts]) -> Iterator[Finding]:
    """Tell of each look at the app that failed: what is left out was not judged."""
    for line in dict.fromkeys(line for one in facts for line in one.left_out):
        yield Finding(
            "extensions",
            Verdict.WARNING,
            line,
            "See why it fails in `with app.app_context():`, or judge by hand what is left out.",
        )


def check_drop_in(facts: Facts) -> Iterator[Finding]:
    """Warn of files whose lazy import would leave `import flask` to the real Flask elsewhere."""
    for file in facts.lazy_drop_ins:
        yield Finding(
            "drop-in",
            Verdict.WARNING,
            f"{file} imports kolben.drop_in lazily, which loads nothing: started by another server,"
            " the app runs on the real Flask.",
            "Write kolben.drop_in.install() in the line after the import, or run `kolben drop-in"
            " enable`.",
        )


def check_machine(
    settings: Settings, facts: Sequence[Facts], machine: Machine
) -> Iterator[Finding]:
    """Judge cores, memory, open files, the backlog, and how strings are hashed."""
    cores = f"{settings.workers} of {machine.cores:g} are asked for"
    yield from _of("cores", report.core_warnings(settings, machine), cores)
    yield from _of("memory", report.memory_warnings(settings, facts, machine), "There is enough")
    yield from _of(
        "open files", report.file_warnings(settings, machine), "Enough for the connections"
    )
    yield from check_backlog(settings, Path("/proc/sys/net/core/somaxconn"))
    if is_hash_seed_known():
        yield Finding(
            "hash seed",
            Verdict.PROBLEM,
            "PYTHONHASHSEED=0 is set: clients can make requests that take very long.",
            "Unset it.",
        )


def check_backlog(settings: Settings, file: Path) -> Iterator[Finding]:
    """Judge whether the system keeps as many connections waiting as it is asked to."""
    try:
        most = int(file.read_text("ascii"))
    except (OSError, ValueError):
        return
    if most < settings.backlog:
        yield Finding(
            "backlog",
            Verdict.WARNING,
            f"The system keeps {most} connections waiting, not the {settings.backlog:,} of"
            " --backlog.",
            f"sysctl -w net.core.somaxconn={settings.backlog}",
        )


def check_certificate(settings: Settings, now: float) -> Iterator[Finding]:
    """Judge the certificate, its key and its end."""
    certificate, key = settings.tls_certificate, settings.tls_key
    if not certificate or not key:
        return
    try:
        expiry = read_expiry(certificate, key)
    except OSError as error:
        reason = getattr(error, "verify_message", "") or error.strerror or str(error)
        if isinstance(error, ssl.SSLError) and not getattr(error, "verify_message", ""):
            reason = error.reason or reason
        yield Finding(
            "certificate",
            Verdict.PROBLEM,
            f"{certificate} with {key} cannot be used: {reason}",
            "Renew the certificate, and name the key that belongs to it.",
        )
        return
    days = int((expiry - now) // 86400)
    date = dt.datetime.fromtimestamp(expiry, dt.UTC).date()
    if days < DAYS_TO_RENEW:
        yield Finding(
            "certificate",
            Verdict.WARNING,
            f"{certificate} ends in {days} days, on {date}.",
            "Renew it, and let the server read it: kill -HUP its process.",
        )
    else:
        yield Finding("certificate", Verdict.OK, f"It is valid until {date}.")


def check_clock(facts: Facts, now: float) -> Iterator[Finding]:
    """Judge the clock: signatures, certificates and caches go by it."""
    module = facts.app.partition(":")[0].replace(".", "/")
    files = [Path(f"{module}.py"), Path(module) / "__init__.py", Path(__file__)]
    future = find_file_of_the_future(files, now)
    if future is not None:
        file, age_s = future
        yield Finding(
            "clock",
            Verdict.PROBLEM,
            f"{file} was written {-age_s:.0f} seconds from now: the clock is behind.",
            "Set it right, and run an NTP client (systemd-timesyncd, chrony).",
        )
    elif is_synchronised() is False:
        yield Finding(
            "clock",
            Verdict.WARNING,
            "Nothing keeps it right: sessions and certificates go by it.",
            "Run an NTP client (systemd-timesyncd, chrony), in a container on its host.",
        )
    else:
        yield Finding("clock", Verdict.OK, "Nothing speaks against it.")


def _of(check: str, warnings: Iterator[str], well: str) -> Iterator[Finding]:
    """Make findings of the report's warnings, whose last sentence is the cure."""
    found = list(warnings)
    for warning in found:
        reason, _, cure = warning.rpartition(". ")
        yield Finding(check, Verdict.WARNING, f"{reason}.", cure)
    if well and not found:
        yield Finding(check, Verdict.OK, f"{well}.")
