"""Signals to stop are acted on, however many arrive together and whatever the threads do."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
import time

import pytest

if sys.platform == "win32":
    pytest.skip("POSIX signals", allow_module_level=True)

from kolben.server.stop_signals import SignalEvent

# A worker as Granian has it: other threads, and a main thread that sleeps on a lock.
WORKER = """\
import threading, time
from kolben.server.stop_signals import call_at_stop
for _ in range(3):
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
done = threading.Event()
call_at_stop(done.set)
print("ready", flush=True)
done.wait()
"""

# A parent as we have it: other threads, and a main thread that waits for the event.
PARENT = """\
import select, signal, threading, time
from kolben.server.stop_signals import SignalEvent
event = SignalEvent()
stopped = []
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda *args: stopped.append(None))
for _ in range(3):
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
print("ready", flush=True)
while not stopped:
    select.select([event], [], [])
    event.clear()
"""


@pytest.mark.slow
@pytest.mark.parametrize("program", [WORKER, PARENT], ids=["worker", "parent"])
def test_two_signals_at_once_are_not_lost(program: str) -> None:
    """Handlers alone hang here in one of five tries."""
    for _ in range(25):
        process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
        assert process.stdout is not None
        with process.stdout:
            assert b"ready\n" == process.stdout.readline()
            os.kill(process.pid, signal.SIGINT)
            os.kill(process.pid, signal.SIGTERM)
            try:
                # The second one may arrive when the interpreter has begun to end.
                assert process.wait(5) in (0, -signal.SIGTERM)
            finally:
                process.kill()
                process.wait()


@pytest.fixture
def event() -> SignalEvent:
    before = signal.set_wakeup_fd(-1)
    made = SignalEvent()
    signal.set_wakeup_fd(before)
    return made


def is_woken(event: SignalEvent, timeout_s: float = 0) -> bool:
    return bool(select.select([event], [], [], timeout_s)[0])


def test_it_wakes_until_it_is_cleared(event: SignalEvent) -> None:
    assert not is_woken(event)
    event.set()
    event.set()
    assert is_woken(event)
    assert is_woken(event)
    event.clear()
    assert not is_woken(event)
    event.clear()


def test_it_wakes_who_waits_already(event: SignalEvent) -> None:
    timer = threading.Timer(0.2, event.set)
    timer.start()
    assert is_woken(event, 20)


def test_setting_it_without_end_never_blocks(event: SignalEvent) -> None:
    for _ in range(100_000):
        event.set()
    assert is_woken(event)
    event.clear()
    assert not is_woken(event)


def test_a_storm_of_signals_never_stops_it(event: SignalEvent) -> None:
    """threading.Event stands still here within a second."""
    before = signal.signal(signal.SIGALRM, lambda number, frame: event.set())
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
        end = time.monotonic() + 1
        while time.monotonic() < end:
            assert is_woken(event, 20)
            event.clear()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


CHILD = """\
import threading
from kolben.server.stop_signals import call_at_parents_end
done = threading.Event()
call_at_parents_end(done.set)
print("watching", flush=True)
done.wait(30)
print("stopped" if done.is_set() else "still there", flush=True)
"""
# Waits for a byte, and is killed.
MORTAL = """\
import os, subprocess, sys
subprocess.Popen([sys.executable, "-c", sys.argv[1]])
os.read(0, 1)
os.kill(os.getpid(), 9)
"""


def test_a_process_notices_that_its_parent_was_killed() -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", MORTAL, CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert parent.stdin is not None
    assert parent.stdout is not None
    with parent.stdout as said, parent.stdin as order:
        assert b"watching\n" == said.readline()
        order.write(b"x")
        order.flush()
        assert -signal.SIGKILL == parent.wait(20)
        assert b"stopped\n" == said.readline()
