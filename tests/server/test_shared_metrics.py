"""Metrics that prometheus-client shares between workers, with the library itself."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.running import Server, wait_for
from tests.server.test_life import workers_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="signals and fork are those of POSIX"),
]

APP = """\
import os
from flask import Flask
from prometheus_client import Counter, Enum, Gauge, Info

app = Flask(__name__)
each = Gauge("shop_each", "Of each worker.", multiprocess_mode="liveall")
together = Gauge("shop_together", "Of all.", multiprocess_mode="livesum")
orders = Counter("shop_orders", "Orders.")
each.set(1)
together.set(1)
orders.inc()
Info("shop_build", "What runs.").info({"version": "1"})
Enum("shop_state", "How it is.", states=["open", "shut"]).state("shut")
Gauge("shop_asked", "Asked when it is looked at.").set_function(lambda: 42)

@app.get("/pid")
def pid():
    return str(os.getpid())
"""


def metrics(server: Server) -> dict[str, float]:
    """Return the app's own metrics by name and labels."""
    for _ in range(20):
        status, body = server.get("/metrics")
        if status == 200:  # the library may find a file that is just being made
            break
    text = body.decode()
    assert 200 == status, text
    return {
        name: float(value) for name, value in re.findall(r"^(shop_\S+) (\S+)$", text, re.MULTILINE)
    }


def living(server: Server) -> tuple[set[str], float]:
    """Return of which workers there is a gauge, and the sum over those that live."""
    found = metrics(server)
    pids = {name for name in found if name.startswith("shop_each{")}
    return pids, found["shop_together"]


@pytest.fixture
def start(serve: Callable[..., Server], tmp_path: Path) -> Callable[..., Server]:
    """Start a server of two workers that share their metrics."""
    folder = tmp_path / "shared"
    folder.mkdir()

    def begin(app: str = APP, *options: str, **variables: str) -> Server:
        variables = variables or {"PROMETHEUS_MULTIPROC_DIR": str(folder)}
        return serve(app, "--workers", "2", "--metrics", *options, **variables)

    return begin


def named(pids: list[int]) -> set[str]:
    return {f'shop_each{{pid="{pid}"}}' for pid in pids}


@pytest.mark.parametrize("way", ["kill", "reload", "recycle", "hang"])
def test_live_gauges_are_those_of_workers_that_live(way: str, start: Callable[..., Server]) -> None:
    options = {"recycle": ("--recycle-after", "4"), "hang": ("--worker-timeout", "2")}
    server = start(APP, *options.get(way, ()))
    old = workers_of(server)
    if way != "recycle":
        assert (named(old), 2.0) == living(server)
    if way == "kill":
        os.kill(old[0], signal.SIGKILL)
    elif way == "reload":
        server.process.send_signal(signal.SIGHUP)
    elif way == "hang":
        os.kill(old[0], signal.SIGSTOP)
    gone = old[:1] if way in {"kill", "hang"} else old
    wait_for(lambda: named(gone).isdisjoint(living(server)[0]), 40)
    if way != "recycle":
        wait_for(lambda: living(server) == (named(workers_of(server)), 2.0))
    # What was counted stays.
    assert metrics(server)["shop_orders_total"] >= 2 + len(gone)
    assert 0 == server.stop()


def test_no_live_gauge_is_left_when_the_server_has_ended(
    start: Callable[..., Server], tmp_path: Path
) -> None:
    server = start()
    assert 4 == len([*(tmp_path / "shared").glob("gauge_live*.db")])
    assert 0 == server.stop()
    assert [] == [*(tmp_path / "shared").glob("gauge_live*.db")]
    assert [] != [*(tmp_path / "shared").glob("counter_*.db")]


def test_a_folder_that_the_app_itself_chooses_is_known(
    start: Callable[..., Server], tmp_path: Path
) -> None:
    folder = str(tmp_path / "shared")
    chooses = f"import os\nos.environ['PROMETHEUS_MULTIPROC_DIR'] = {folder!r}\n{APP}"
    server = start(chooses, OTHER="1")
    old = workers_of(server)
    os.kill(old[0], signal.SIGKILL)
    wait_for(lambda: living(server) == (named(workers_of(server)), 2.0))
    assert named(old[:1]).isdisjoint(living(server)[0])
    assert 0 == server.stop()


def test_what_the_library_does_not_share_is_as_the_manual_says(
    start: Callable[..., Server],
) -> None:
    server = start()
    found = metrics(server)
    assert not [name for name in found if name.startswith(("shop_build", "shop_state"))]
    asked = {name: value for name, value in found.items() if name.startswith("shop_asked")}
    assert {f'shop_asked{{pid="{pid}"}}': 0.0 for pid in workers_of(server)} == asked


def test_one_worker_without_the_folder_has_them_all(serve: Callable[..., Server]) -> None:
    found = metrics(serve(APP, "--metrics"))
    assert (1.0, 1.0, 42.0) == (
        found['shop_build_info{version="1"}'],
        found['shop_state{shop_state="shut"}'],
        found["shop_asked"],
    )
