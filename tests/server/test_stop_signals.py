"""Signals to stop are acted on, however many arrive together and whatever the threads do."""

from __future__ import annotations

import os
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
import signal, threading, time
from kolben.server.stop_signals import SignalEvent
event = SignalEvent()
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda *args: event.set())
for _ in range(3):
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
print("ready", flush=True)
event.wait()
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


def test_an_event_is_set_until_it_is_cleared(event: SignalEvent) -> None:
    assert not event.is_set()
    event.set()
    event.set()
    assert event.is_set()
    event.wait()
    event.clear()
    assert not event.is_set()


def test_the_wakes_of_earlier_sets_do_not_end_a_wait(event: SignalEvent) -> None:
    event.set()
    event.clear()
    timer = threading.Timer(0.2, event.set)
    began = time.monotonic()
    timer.start()
    event.wait()
    assert time.monotonic() - began >= 0.19


def test_setting_it_without_end_never_blocks(event: SignalEvent) -> None:
    for _ in range(100_000):
        event.set()
    event.wait()


def test_a_storm_of_signals_never_stops_it(event: SignalEvent) -> None:
    """threading.Event stands still here within a second."""
    before = signal.signal(signal.SIGALRM, lambda number, frame: event.set())
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
        end = time.monotonic() + 1
        while time.monotonic() < end:
            event.wait()
            event.clear()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
