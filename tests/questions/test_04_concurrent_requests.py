"""Question 4: how many requests each server has at work at once, counted."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.questions.programs import Program
from tests.running import wait_for

pytestmark = pytest.mark.slow

APP = Path(__file__).with_name("meeting.py")


def development(options: str) -> list[str]:
    return ["python", "meeting.py", "{port}", options]


def gunicorn(options: str) -> list[str]:
    return ["gunicorn", "--bind", "127.0.0.1:{port}", *options.split(), "meeting:app"]


def kolben(options: str) -> list[str]:
    return ["kolben", "--app", "meeting", *options.split(), "--port", "{port}"]


def how_many_meet(
    server: Program, place: Path, of: int, patience_s: float, apart_s: float = 0
) -> list[str]:
    """Send so many requests at once, each of which waits for all others; return the answers.

    apart_s: how long after the one before it each is sent.
    """
    place.mkdir()

    def ask(number: int) -> str:
        time.sleep(number * apart_s)
        path = f"/meet/visitor-{number}?place={place}&of={of}&patience={patience_s}"
        status, body = server.get(path)
        return body if status == 200 else f"{status}: {body}"

    with ThreadPoolExecutor(of) as visitors:
        return list(visitors.map(ask, range(of)))


@pytest.fixture
def server(start: Callable[..., Program], tmp_path: Path) -> Callable[[list[str]], Program]:
    """Start the app of the meetings; it is Kolben that answers."""
    shutil.copy(APP, tmp_path)

    def start_server(command: list[str]) -> Program:
        program = start(*command).wait_until_open()
        assert program.get("/") == (200, "kolben.app"), program.printed
        return program

    return start_server


@pytest.mark.parametrize(
    ("command", "at_once"),
    [
        (development("{'threaded': False}"), 1),
        (development("{'processes': 3}"), 3),
        (development("{'processes': 2, 'threaded': False}"), 2),
        (kolben("run --without-threads"), 1),
        (gunicorn("-w 2"), 2),
        (gunicorn("-w 1 -k gthread --threads 3"), 3),
        (gunicorn("-w 1 --threads 3"), 3),
        (kolben("serve --workers 1 --threads 3"), 3),
    ],
    ids=lambda value: " ".join(value).replace("{port}", "") if isinstance(value, list) else None,
)
def test_as_many_as_there_are_hands_and_no_more(
    server: Callable[[list[str]], Program], tmp_path: Path, command: list[str], at_once: int
) -> None:
    running = server(command)
    together = how_many_meet(running, tmp_path / "all", at_once, 20)
    assert together == ["met"] * at_once, running.printed
    too_many = how_many_meet(running, tmp_path / "one-more", at_once + 1, 0.7)
    assert too_many.count("alone") >= 1
    assert set(too_many) <= {"alone", "met"}


@pytest.mark.parametrize(
    ("command", "many"),
    [
        (development("{}"), 20),
        (kolben("run"), 20),
        (gunicorn("-w 1 -k gevent"), 50),
        (gunicorn("-w 1 -k gevent_pywsgi"), 50),
    ],
    ids=lambda value: " ".join(value).replace("{port}", "") if isinstance(value, list) else None,
)
def test_threads_at_need_and_greenlets_hold_many(
    server: Callable[[list[str]], Program], tmp_path: Path, command: list[str], many: int
) -> None:
    running = server(command)
    assert how_many_meet(running, tmp_path / "meeting", many, 20) == ["met"] * many


@pytest.mark.parametrize("options", ["serve", "serve --interface asgi"])
def test_threads_are_added_as_requests_come_while_views_wait(
    server: Callable[[list[str]], Program], tmp_path: Path, options: str
) -> None:
    running = server(kolben(options))
    together = how_many_meet(running, tmp_path / "meeting", 20, 20, apart_s=0.05)
    assert ["met"] * 20 == together, running.printed


@pytest.mark.parametrize("options", ["serve --threads 4", "serve --interface wsgi"])
def test_no_thread_is_added_to_a_number_that_is_given_nor_over_wsgi(
    server: Callable[[list[str]], Program], tmp_path: Path, options: str
) -> None:
    too_many = how_many_meet(server(kolben(options)), tmp_path / "too-many", 20, 0.7)
    assert "alone" in too_many


def test_serve_says_that_it_adds_threads(server: Callable[[list[str]], Program]) -> None:
    running = server(kolben("serve"))
    wait_for(lambda: ", up to " in running.printed and " while views wait" in running.printed)


def test_serve_says_it_at_its_start(server: Callable[[list[str]], Program]) -> None:
    running = server(kolben("serve --workers 2 --threads 4"))
    wait_for(lambda: "2 workers × 4 threads = 8 requests at once (RSGI)" in running.printed)
    assert re.match(rf"Kolben \S+ serving meeting:app on \S+:{running.port}\n", running.printed)
