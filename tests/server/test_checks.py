"""Each check of the doctor: what it calls a problem, a warning, or well."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kolben.server import checks
from kolben.server.checks import Finding, Verdict
from kolben.server.database_limits import ServerLimit
from kolben.server.facts import Facts, Key
from kolben.server.machine import Machine
from kolben.server.pools import Pool
from kolben.server.settings import Settings
from tests.server.test_certificates import DAY, NOW, write

MACHINE = Machine(4, "machine", 8 * 1024**3, "machine", (20000, 20000))
SETTINGS = Settings("shop", workers=2, threads=4)
CONFIG = {
    "MAX_CONTENT_LENGTH": 1024,
    "SECRET_KEY_FALLBACKS": False,
    "SESSION_COOKIE_SECURE": True,
    "TRUSTED_HOSTS": True,
}
FACTS = Facts(
    app="shop:app",
    pid=1,
    debug=False,
    key=Key("one"),
    pools=(),
    limits=(),
    memory_bytes=70 * 1024**2,
    async_views=0,
    middleware=(),
    proxy_fix=None,
    has_debugger=False,
    config=CONFIG,
)
FIX = {"for": 1, "proto": 1, "host": 0, "port": 0, "prefix": 0}
POOL = Pool("of the default bind", "database", "postgresql://db/shop", 15, "Set {size}")
LIMIT = ServerLimit("postgresql://db", 100, 3, ("of the default bind",))


def verdicts(findings: Iterable[Finding]) -> list[tuple[str, str]]:
    """Name each check with its verdict; whatever is not well has a cure."""
    found = list(findings)
    assert all(bool(one.cure) == (one.verdict is not Verdict.OK) for one in found)
    return [(one.check, one.verdict.value) for one in found]


def test_an_app_that_is_fit_has_no_problem_and_no_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "is_synchronised", lambda: True)
    monkeypatch.setattr(checks, "is_hash_seed_known", lambda: False)
    settings = replace(SETTINGS, backlog=128)
    found = checks.check_all(settings, [FACTS, FACTS], MACHINE)
    assert {"ok"} == {verdict for _, verdict in verdicts(found)}


@pytest.mark.parametrize(
    ("facts", "settings", "expected"),
    [
        ({}, {}, [("debug mode", "ok")]),
        ({"debug": True}, {}, [("debug mode", "problem")]),
        (
            {"has_debugger": True},
            {"host": "0.0.0.0"},
            [("debugger", "problem"), ("debug mode", "ok")],
        ),
    ],
    ids=["off", "debug mode", "the debugger"],
)
def test_debugging(
    facts: dict[str, Any], settings: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    found = list(checks.check_debugging(replace(SETTINGS, **settings), replace(FACTS, **facts)))
    assert expected == verdicts(found)
    assert ("0.0.0.0, to everyone" in found[0].reason) == bool(settings)


@pytest.mark.parametrize(
    ("keys", "verdict", "reason"),
    [
        ([Key("one"), Key("one")], "ok", "the same in each process"),
        ([Key("one"), Key("two")], "problem", "made anew each time"),
        ([Key("one", "has 3 bytes")] * 2, "problem", "It has 3 bytes."),
        ([None, None], "warning", "There is none"),
    ],
    ids=["good", "differing", "short", "none"],
)
def test_the_secret_key(keys: list[Key | None], verdict: str, reason: str) -> None:
    found = list(checks.check_keys([replace(FACTS, key=key) for key in keys]))
    assert [("secret key", verdict)] == verdicts(found)
    assert reason in found[0].reason


def test_one_old_key_in_place_of_a_list_is_a_problem() -> None:
    facts = replace(FACTS, config={**CONFIG, "SECRET_KEY_FALLBACKS": True})
    assert ("old keys", "problem") == verdicts(checks.check_keys([facts]))[1]


@pytest.mark.parametrize(
    ("setting", "value", "check"),
    [
        ("SESSION_COOKIE_SECURE", False, "session cookie"),
        ("TRUSTED_HOSTS", False, "hosts"),
        ("MAX_CONTENT_LENGTH", None, "bodies"),
    ],
)
def test_what_is_open_by_default_is_a_warning(setting: str, value: Any, check: str) -> None:
    assert [] == list(checks.check_cookies_and_hosts(SETTINGS, FACTS))
    facts = replace(FACTS, config={**CONFIG, setting: value})
    assert [(check, "warning")] == verdicts(checks.check_cookies_and_hosts(SETTINGS, facts))
    if check == "bodies":
        settings = replace(SETTINGS, max_body_bytes=1024)
        assert [] == list(checks.check_cookies_and_hosts(settings, facts))


@pytest.mark.parametrize(
    ("trust", "fix", "host", "verdict", "reason"),
    [
        ((), None, "127.0.0.1", "ok", "None is believed"),
        (("10.0.0.0/8",), None, "0.0.0.0", "ok", "believed from 10.0.0.0/8"),
        ((), FIX, "127.0.0.1", "ok", "ProxyFix reads"),
        (("10.0.0.0/8",), FIX, "127.0.0.1", "problem", "Both"),
        (("*",), None, "0.0.0.0", "warning", "Whoever reaches http://0.0.0.0:8000"),
        (("*",), None, "127.0.0.1", "ok", "believed from *"),
        ((), FIX, "0.0.0.0", "warning", "ProxyFix believes whoever connects"),
    ],
)
def test_who_is_believed(
    trust: tuple[str, ...], fix: dict[str, int] | None, host: str, verdict: str, reason: str
) -> None:
    settings = replace(SETTINGS, trust_proxy=trust, host=host)
    found = list(checks.check_proxies(settings, replace(FACTS, proxy_fix=fix)))
    assert [("proxies", verdict)] == verdicts(found)
    assert reason in found[0].reason


@pytest.mark.parametrize(
    ("pool", "limit", "expected"),
    [
        (POOL, LIMIT, [("pools", "ok"), ("database server", "ok")]),
        (replace(POOL, most=3), LIMIT, [("pools", "warning"), ("database server", "ok")]),
        (
            POOL,
            replace(LIMIT, most=20),
            [("pools", "ok"), ("database server", "warning")],
        ),
        (
            POOL,
            replace(LIMIT, most=0, reserved=0, failure="refused"),
            [("pools", "ok"), ("database server", "warning")],
        ),
    ],
    ids=["enough", "a small pool", "a small server", "a server that is away"],
)
def test_pools(pool: Pool, limit: ServerLimit, expected: list[tuple[str, str]]) -> None:
    facts = replace(FACTS, pools=(pool,), limits=(limit,))
    found = list(checks.check_pools(SETTINGS, [facts]))
    assert expected == verdicts(found)
    told = [one.cure for one in found if one.verdict is Verdict.WARNING and "views" in one.reason]
    assert told in ([], ["Set 4 or serve with --threads 3."])


def test_a_machine_that_is_too_small_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "is_hash_seed_known", lambda: True)
    small = Machine(1, "cgroup", 100 * 1024**2, "cgroup", (1024, 1024))
    settings = replace(SETTINGS, workers=8, backlog=128)
    assert [
        ("cores", "warning"),
        ("memory", "warning"),
        ("open files", "warning"),
        ("hash seed", "problem"),
    ] == verdicts(checks.check_machine(settings, [FACTS], small))


def test_a_backlog_that_the_system_cuts_is_a_warning(tmp_path: Path) -> None:
    file = tmp_path / "somaxconn"
    assert [] == verdicts(checks.check_backlog(SETTINGS, file))
    file.write_text("4096\n")
    assert [] == verdicts(checks.check_backlog(SETTINGS, file))
    file.write_text("128\n")
    assert [("backlog", "warning")] == verdicts(checks.check_backlog(SETTINGS, file))


def test_a_certificate_near_its_end_is_a_warning_and_one_of_another_key_a_problem(
    tmp_path: Path,
) -> None:
    one, other = (write(tmp_path / name, NOW + 40 * DAY) for name in ("one", "other"))

    def judge(key: Path, after_days: float = 0) -> Finding:
        settings = replace(
            SETTINGS, tls_certificate=str(one / "cert.pem"), tls_key=str(key / "key.pem")
        )
        now = NOW.timestamp() + after_days * 86400
        (finding,) = checks.check_certificate(settings, now)
        return finding

    assert [("certificate", "ok")] == verdicts([judge(one)])
    soon = judge(one, 20)
    assert [("certificate", "warning")] == verdicts([soon])
    assert "ends in 20 days" in soon.reason
    assert [("certificate", "problem")] == verdicts([judge(other)])
    assert "KEY_VALUES_MISMATCH" in judge(other).reason
    assert "No such file" in judge(tmp_path).reason
    expired = write(tmp_path / "expired", NOW - DAY, NOW - 9 * DAY)
    settings = replace(
        SETTINGS, tls_certificate=str(expired / "cert.pem"), tls_key=str(expired / "key.pem")
    )
    assert "has expired" in next(checks.check_certificate(settings, 0)).reason


def test_a_clock_that_is_behind_or_kept_by_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    now = Path(checks.__file__).stat().st_mtime
    monkeypatch.setattr(checks, "is_synchronised", lambda: None)
    assert [("clock", "ok")] == verdicts(checks.check_clock(FACTS, now))
    assert [("clock", "problem")] == verdicts(checks.check_clock(FACTS, now - 1000))
    monkeypatch.setattr(checks, "is_synchronised", lambda: False)
    assert [("clock", "warning")] == verdicts(checks.check_clock(FACTS, now))
