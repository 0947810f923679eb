"""The report of what a server holds: laid out, counted, and what does not fit with its cure."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from kolben.server.database_limits import ServerLimit
from kolben.server.facts import Facts, Key
from kolben.server.machine import Machine
from kolben.server.pools import Pool
from kolben.server.report import MIB, make_report, tell_key_change
from kolben.server.settings import Settings
from tests.running import Server, wait_for

MACHINE = Machine(4, "machine", 8192 * MIB, "machine", (20000, 20000))
FACTS = Facts(
    app="shop:app",
    pid=1,
    debug=False,
    key=Key("one"),
    pools=(),
    limits=(),
    memory_bytes=70 * MIB,
    async_views=0,
    middleware=(),
    proxy_fix=None,
    has_debugger=False,
    config={},
)
DATABASE = Pool("of the default bind", "database", "postgresql://db/shop", 15, "Set {size}")
LIMIT = ServerLimit("postgresql://db", 100, 3, ("of the default bind",))
SETTINGS = Settings("shop", workers=2, threads=4, spare_threads=0)


def warnings(settings: Settings = SETTINGS, machine: Machine = MACHINE, **facts: Any) -> list[str]:
    return list(make_report(settings, [replace(FACTS, **facts)], machine).warnings)


def test_the_table_is_read_at_a_glance() -> None:
    facts = replace(
        FACTS,
        pools=(DATABASE, replace(DATABASE, kind="Redis", where="redis://cache/0", most=None)),
        limits=(LIMIT,),
        async_views=3,
    )
    settings = replace(SETTINGS, interface="rsgi")
    expected = """\
2 workers × 4 threads = 8 requests at once (RSGI); async views beside them

Requests
  at work                    8  4 in each worker
  beside them       any number  of 3 async views, on event loops
  waiting                2,048  1,024 in each worker, or a second's work; then 503 (--max-waiting)
  connections            8,192  4,096 in each worker (--max-connections)
  not accepted yet       2,048  kept by the system (--backlog)

Database pools
  postgresql://db/shop  15  connections for 4 threads of a worker; 30 of all

Redis pools
  redis://cache/0  no limit  connections: as many as views ask for

Database servers
  postgresql://db  97  connections allowed (100 less 3 reserved); 30 in pools

Machine
  cores             4  of the machine, for 2 workers
  memory       70 MiB  a worker with the app loaded
              140 MiB  all workers, of 8,192 MiB of the machine
  open files   20,000  a process may have; 20,000 until it asks"""
    assert expected == make_report(settings, [facts], MACHINE).as_text()


def test_what_waits_over_wsgi_is_not_refused() -> None:
    report = make_report(replace(SETTINGS, interface="wsgi"), [FACTS], MACHINE).as_text()
    assert "waiting           any number  of the connections: none is refused over WSGI" in report


def test_all_that_fits_is_not_warned_of() -> None:
    assert [] == warnings(pools=(DATABASE,), limits=(LIMIT,))
    assert [] == warnings(key=None, memory_bytes=None, machine=replace(MACHINE, open_files=None))


@pytest.mark.parametrize(
    ("make", "cure"),
    [
        (lambda: warnings(pools=(replace(DATABASE, most=3),)), "Set 4 or serve with --threads 3."),
        (
            lambda: warnings(replace(SETTINGS, workers=7), pools=(DATABASE,), limits=(LIMIT,)),
            "7 workers may open 105 connections to postgresql://db, which allows 97. Make pool_size"
            " + max_overflow at most 13",
        ),
        (
            lambda: warnings(
                replace(SETTINGS, threads=50),
                pools=(replace(DATABASE, most=None),),
                limits=(LIMIT,),
            ),
            "2 workers may open 100 connections",
        ),
        (lambda: warnings(replace(SETTINGS, workers=10)), "Serve with --workers 4"),
        (
            lambda: warnings(memory_bytes=4000 * MIB),
            "2 workers with 4,000 MiB each come near the 8,192 MiB of the machine, before the first"
            " request. Serve with --workers 1,",
        ),
        (
            lambda: warnings(machine=replace(MACHINE, open_files=(1024, 4096))),
            "may open 4,096 files, so that a worker holds 3,072 connections instead of 4,096",
        ),
        (lambda: warnings(key=Key("x", "has 3 bytes")), "The secret key has 3 bytes:"),
        (lambda: warnings(warnings=("Debug mode is on.",)), "Debug mode is on."),
    ],
    ids=["pool", "server", "no limit", "cores", "memory", "files", "key", "the worker's own"],
)
def test_what_does_not_fit_is_told_with_its_cure(make: Callable[[], list[str]], cure: str) -> None:
    (warning,) = make()
    assert cure in warning


def test_a_server_that_was_not_asked_is_no_warning() -> None:
    limit = replace(LIMIT, most=0, reserved=0, failure="refused")
    facts = replace(FACTS, pools=(DATABASE,), limits=(limit,))
    report = make_report(replace(SETTINGS, workers=9), [facts], MACHINE)
    assert () == report.warnings
    assert "  postgresql://db  unknown  refused" in report.as_text()


def test_keys_that_differ_are_told_once() -> None:
    facts = [FACTS, replace(FACTS, key=Key("two"))]
    (warning,) = make_report(SETTINGS, facts, MACHINE).warnings
    assert warning.startswith("The workers have different secret keys")
    told = tell_key_change(*facts)
    assert told is not None
    assert told.startswith("The secret key has changed")
    assert tell_key_change(FACTS, FACTS) is None
    assert tell_key_change(FACTS, replace(FACTS, key=None)) is None


def test_a_long_warning_is_broken_into_lines() -> None:
    report = make_report(replace(SETTINGS, workers=10), [FACTS], MACHINE)
    told = report.as_text().partition("Warnings\n")[2].splitlines()
    assert len(told) > 1
    assert max(map(len, told)) <= 92
    assert "  - 10 workers share" in told[0]


APP = """\
import os, secrets
from flask import Flask

app = Flask(__name__)
app.secret_key = os.environ.get("KEY") or secrets.token_hex()
if os.environ.get("DATABASE"):
    from sqlalchemy import create_engine
    engine = create_engine(os.environ["DATABASE"], pool_size=1, max_overflow=1)
"""


@pytest.mark.slow
def test_at_the_start_the_workers_are_compared(serve: Callable[..., Server]) -> None:
    server = serve(APP, "--workers", "2")
    assert 1 == server.err.count("The workers have different secret keys")
    alike = serve(APP, "--workers", "2", KEY="3e5a7b0c8f1d4d2a9e6b5c4f7a8d9e0b")
    assert "" == alike.err


@pytest.mark.slow
def test_explain_serves_nothing_and_tells_of_the_app(
    explain: Callable[..., str], postgresql_url: str
) -> None:
    url = postgresql_url.replace("postgresql:", "postgresql+psycopg:")
    told = json.loads(explain(APP, "--json", "--workers", "60", "--threads", "3", DATABASE=url))
    assert (180, "rsgi", "served:app") == (
        told["requests_at_once"],
        told["interface"],
        told["app"],
    )
    (pool,) = told["pools"]
    assert ("database", 2) == (pool["kind"], pool["most"])
    (asked,) = told["database_servers"]
    assert "postgresql://127.0.0.1:5432" == asked["where"]
    allowed = asked["most"] - asked["reserved"]
    assert told["memory_per_worker_bytes"] > 10 * MIB
    text = "\n".join(told["warnings"])
    assert "different secret keys" in text
    assert "holds 2 connections, but each worker runs 3 views" in text
    assert (f"60 workers may open 120 connections to {asked['where']}" in text) == (allowed < 120)
    plain = explain(APP, "--workers", "2", "--threads", "4", KEY="0123456789abcdef")
    assert plain.startswith(
        "2 workers × 4 threads = 8 requests at once (RSGI); async views beside them\n\nRequests\n"
    )
    assert "Warnings" not in plain


@pytest.mark.slow
def test_explain_shows_why_an_app_does_not_load(explain: Callable[..., str]) -> None:
    said = explain("import nowhere_to_be_found", fails=True)
    assert said.startswith("Error: The app 'served' could not be imported:")
    assert "No module named 'nowhere_to_be_found'" in said


@pytest.mark.slow
def test_a_key_that_changes_at_a_reload_is_told(serve: Callable[..., Server]) -> None:
    server = serve(APP)
    assert "" == server.err
    server.process.send_signal(signal.SIGHUP)
    wait_for(lambda: "Warning: The secret key has changed: sessions" in server.err, 30)
