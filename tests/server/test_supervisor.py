"""A number of processes is kept alive, whatever becomes of each of them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

import pytest

if sys.platform == "win32":
    pytest.skip("signals and fork are those of POSIX", allow_module_level=True)

from kolben.server import supervisor as supervisor_file
from kolben.server.supervisor import APP_FAILED, Outside, Spawned, Supervisor, Worker
from tests.running import wait_for

context = multiprocessing.get_context("fork")
# What a process of the tests does; it reports to a connection.
Life = Callable[[Connection], None]


def serve(reports: Connection) -> None:
    reports.send(("ready", os.getpid()))
    while True:
        signal.pause()


def serve_stubbornly(reports: Connection) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    serve(reports)


def fail(reports: Connection) -> None:
    reports.send(("failed", "no such app"))
    sys.exit(APP_FAILED)


def die(reports: Connection) -> None:
    os._exit(3)


def die_when_ready(reports: Connection) -> None:
    reports.send(("ready", os.getpid()))
    os._exit(3)


def break_when_ready(reports: Connection) -> None:
    reports.send(("ready", os.getpid()))
    os._exit(1)


def load_for_ever(reports: Connection) -> None:
    while True:
        signal.pause()


class Wakeup:
    """A pipe that wakes who waits."""

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()
        os.set_blocking(self.reader, False)

    def fileno(self) -> int:
        return self.reader

    def clear(self) -> None:
        try:
            os.read(self.reader, 4096)
        except BlockingIOError:
            return

    def wake(self) -> None:
        os.write(self.writer, b"x")


class Team:
    """A supervisor at work in a thread. life: what processes that start now do."""

    def __init__(
        self,
        count: int = 2,
        life: Life = serve,
        reason: Callable[[Worker], str | None] | None = None,
        *,
        wakes: bool = True,
    ) -> None:
        self.life = life
        self.begun: list[tuple[int, BaseProcess]] = []
        self.ready: list[int] = []
        self.serving: list[list[int]] = []
        self.said: list[str] = []
        self.ended: list[int] = []
        self.refuses = False
        self.has_stopped = threading.Event()
        self.wakeup = Wakeup() if wakes else None
        outside = Outside(
            self.spawn,
            self.ready.append,
            self.serving.append,
            self.has_stopped.set,
            reason,
            self.said.append,
            self.ended.append,
        )
        self.supervisor = Supervisor(count, outside, self.wakeup, 1.0)
        self.code: int | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        self.code = self.supervisor.run()

    def spawn(self, index: int) -> Spawned:
        if self.refuses:
            raise OSError(11, "no more processes")
        reader, writer = context.Pipe(duplex=False)
        process = context.Process(target=self.life, args=(writer,))
        process.start()
        writer.close()
        self.begun.append((index, process))
        return process, reader, None

    def wake(self) -> None:
        if self.wakeup is not None:
            self.wakeup.wake()

    def reload(self) -> None:
        self.supervisor.reload()
        self.wake()

    def stop(self) -> int | None:
        self.supervisor.stop()
        self.wake()
        return self.join()

    def join(self) -> int | None:
        self._thread.join(20)
        assert not self._thread.is_alive(), "it does not come to its end"
        return self.code

    def pids(self) -> list[Any]:
        return [process.pid for _, process in self.begun]

    def kill(self, number: int) -> None:
        process = self.begun[number][1]
        process.kill()


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Team]]:
    monkeypatch.setattr(supervisor_file, "KILL_GRACE_S", 0.0)
    made: list[Team] = []

    def begin(*args: Any, **kwargs: Any) -> Team:
        made.append(Team(*args, **kwargs))
        return made[-1]

    yield begin
    for team in made:
        team.stop()
        assert not any(process.is_alive() for _, process in team.begun)


def says(team: Team, text: str) -> bool:
    return any(text in line for line in team.said)


def wait_for_begun(team: Team, count: int) -> None:
    wait_for(lambda: len(team.begun) == count)


def wait_for_failures(team: Team, count: int) -> None:
    wait_for(lambda: count == sum("SIGHUP tries again" in line for line in team.said))


@pytest.mark.parametrize("wakes", [True, False])
def test_so_many_are_started_and_stopped(make: Callable[..., Team], wakes: bool) -> None:
    team = make(3, wakes=wakes)
    wait_for(lambda: len(team.ready) == 3)
    assert sorted(team.ready) == sorted(team.pids())
    wait_for(lambda: [0, 1, 2] in team.serving)
    assert not team.has_stopped.is_set()
    assert 0 == team.stop()
    assert team.has_stopped.is_set()
    assert [] == team.said


def test_one_that_is_killed_is_back_and_the_others_are_told(make: Callable[..., Team]) -> None:
    team = make(2)
    wait_for(lambda: team.serving[-1:] == [[0, 1]])
    for number in (0, 2, 3):  # the same place again and again
        began = time.monotonic()
        team.kill(number)
        wait_for_begun(team, max(number, 1) + 2)
        assert 0 == team.begun[-1][0]
        assert time.monotonic() - began < 5
        wait_for(lambda: team.serving[-1] == [0, 1])
    assert [1] in team.serving
    assert says(
        team,
        f"Worker 1 (pid {team.pids()[0]}) died with exit code -9 (SIGKILL); it is started again",
    )


def test_the_pause_grows_while_they_die_at_once_and_one_that_lives_is_not_held_up(
    make: Callable[..., Team],
) -> None:
    team = make(2)
    wait_for(lambda: len(team.ready) == 2)
    team.life = die_when_ready
    team.kill(0)
    wait_for(lambda: len(team.begun) == 5)  # after 0.2, 0.2, 0.4 and more seconds
    team.life = serve
    team.kill(1)
    wait_for(lambda: team.begun[-1][0] == 1)
    wait_for(lambda: team.serving[-1] == [0, 1])


def test_pauses_are_bounded_and_begin_anew() -> None:
    outside: Any = None
    team = Supervisor(1, outside, None, 1.0)
    place = team._places[0]
    dead: Any = Worker(0, context.Process(), context.Pipe()[0])
    assert [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0] == [team._pause(place, dead) for _ in range(7)]
    dead.ready_at = time.monotonic() - 1.5
    assert 0.2 == team._pause(place, dead)
    dead.ready_at = time.monotonic()
    assert [0.2, 0.4, 0.4, 0.4] == [team._pause(place, dead) for _ in range(4)]


def test_a_reload_replaces_each_when_its_successor_is_ready(make: Callable[..., Team]) -> None:
    team = make(2)
    wait_for(lambda: len(team.ready) == 2)
    old = team.pids()
    team.reload()
    wait_for(lambda: len(team.ready) == 4)
    wait_for(lambda: not any(process.is_alive() for _, process in team.begun[:2]))
    assert [0, 1] == [index for index, _ in team.begun[2:]]
    assert set(old).isdisjoint(team.pids()[2:])
    # At no moment was there fewer than both.
    assert team.serving in ([[0], [0, 1]], [[1], [0, 1]], [[0, 1]])
    assert [] == team.said


@pytest.mark.parametrize(
    ("life", "said"), [(fail, ["no such app"]), (die, [])], ids=["app", "crash"]
)
def test_a_successor_that_fails_costs_no_worker(
    make: Callable[..., Team], life: Life, said: list[str]
) -> None:
    team = make(2)
    wait_for(lambda: len(team.ready) == 2)
    for times in (1, 2):
        team.life = life
        team.reload()
        wait_for_failures(team, times)
    assert len(said) * 2 == team.said.count("no such app")
    assert all(process.is_alive() for _, process in team.begun[:2])
    assert 4 == len(team.begun)  # the second place was not tried
    team.life = serve
    team.reload()
    wait_for(lambda: len(team.ready) == 4)


def test_a_reload_while_a_successor_loads_begins_anew(make: Callable[..., Team]) -> None:
    team = make(1)
    wait_for(lambda: len(team.ready) == 1)
    team.life = load_for_ever
    team.reload()
    wait_for(lambda: len(team.begun) == 2)
    team.life = serve
    team.reload()
    wait_for(lambda: len(team.ready) == 2)
    wait_for(lambda: not any(process.is_alive() for _, process in team.begun[:2]))
    assert team.begun[2][1].is_alive()


def test_a_successor_takes_the_place_of_one_that_dies_meanwhile(make: Callable[..., Team]) -> None:
    team = make(1)
    wait_for(lambda: len(team.ready) == 1)
    team.life = load_for_ever
    team.reload()
    wait_for(lambda: len(team.begun) == 2)
    team.kill(0)
    wait_for(lambda: says(team, "died with exit code -9"))
    assert team.begun[1][1].is_alive()
    assert 2 == len(team.begun)


def test_an_app_that_never_was_served_ends_it_and_is_told_once(make: Callable[..., Team]) -> None:
    team = make(3, fail)
    assert 1 == team.join()
    assert ["no such app"] == team.said


def test_one_that_dies_before_any_was_ready_ends_it(make: Callable[..., Team]) -> None:
    team = make(1, die)
    assert 1 == team.join()
    assert 1 == len(team.begun)
    (said,) = team.said
    assert "ended with exit code 3, and no worker could ever serve" in said


def test_workers_that_break_as_soon_as_they_are_ready_end_it(make: Callable[..., Team]) -> None:
    team = make(1, break_when_ready)
    assert 1 == team.join()
    assert 3 == len(team.begun)
    assert says(team, "ended with exit code 1, and no worker could ever serve")


def test_when_one_has_lived_the_others_may_break(
    make: Callable[..., Team], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor_file, "PROOF_S", 0.0)
    team = make(1)
    wait_for(lambda: len(team.ready) == 1)
    team.life = break_when_ready
    team.kill(0)
    wait_for(lambda: len(team.begun) > supervisor_file.MOST_BROKEN + 2)
    assert 0 == team.stop()


def test_one_that_is_killed_while_it_loads_is_tried_again(make: Callable[..., Team]) -> None:
    team = make(1, load_for_ever)
    wait_for_begun(team, 1)
    team.life = serve
    team.kill(0)
    wait_for(lambda: len(team.ready) == 1)


def test_it_ends_when_there_is_no_worker_to_wait_for(
    make: Callable[..., Team], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor_file, "SHORTEST_PAUSE_S", 30.0)
    monkeypatch.setattr(supervisor_file, "LONGEST_PAUSE_OF_THE_READY_S", 30.0)
    team = make(1)
    wait_for(lambda: len(team.ready) == 1)
    team.kill(0)
    wait_for(lambda: says(team, "it is started again"))
    assert 0 == team.stop()


def test_one_that_does_not_end_is_killed_and_named(make: Callable[..., Team]) -> None:
    team = make(2, serve_stubbornly)
    wait_for(lambda: len(team.ready) == 2)
    assert 0 == team.stop()
    expected = [f"(pid {pid}) did not end within 1 s and is killed." for pid in team.pids()]
    assert expected == [line.split(" ", 2)[2] for line in team.said]


def test_one_that_loads_when_all_are_stopped_is_stopped_too(make: Callable[..., Team]) -> None:
    team = make(2, load_for_ever)
    wait_for(lambda: len(team.begun) == 2)
    assert 0 == team.stop()
    assert [] == team.said


def test_workers_with_a_reason_go_one_after_the_other(make: Callable[..., Team]) -> None:
    old: set[int] = set()

    def reason(worker: Worker) -> str | None:
        return "is old" if worker.process.pid in old else None

    team = make(2, reason=reason)
    wait_for(lambda: len(team.ready) == 2)
    old.update(team.pids())
    team.wake()
    wait_for(lambda: len(team.ready) == 4)
    wait_for(lambda: not any(process.is_alive() for _, process in team.begun[:2]))
    assert [
        f"Worker {n} (pid {pid}) is old; it is replaced."
        for n, pid in enumerate(team.pids()[:2], 1)
    ] == team.said


def test_a_system_that_starts_no_process_is_asked_again(
    make: Callable[..., Team], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor_file, "LONGEST_PAUSE_S", 0.2)
    team = make(1)
    wait_for(lambda: len(team.ready) == 1)
    team.refuses = True
    team.kill(0)
    wait_for(lambda: says(team, "Worker 1 could not be started: [Errno 11] no more processes."))
    team.refuses = False
    wait_for(lambda: len(team.ready) == 2)
