"""The threads in which plain functions run where the caller is an event loop.

One bounded pool per process. A thread that has finished puts its result into the caller's mailbox
and wakes the loop once for all that lie there, as a wake-up costs more than a hand-over.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
import sys
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from queue import Empty, SimpleQueue
from time import monotonic, sleep
from typing import Any

from kolben.entry.admission import Admission
from kolben.entry.forked_child import end_child
from kolben.entry.growth import Growth
from kolben.entry.loop import run_while_handling, take_over, work_for_loop
from kolben.env import read_threads

# How often a thread without a job looks for one before it sleeps.
TURNS = 10
# Gives the processor, and the interpreter lock, to whoever waits for it.
let_others_run: Callable[[], object] = getattr(os, "sched_yield", partial(sleep, 0))

# How long a spare thread waits for a job before it ends.
SPARE_IDLE_S = 10.0

# How long one that stands aside sleeps before it looks whether it is needed.
ASIDE_S = 0.1

# PERF: after a job that took less than QUICK_S, so many are not timed: -0.1 us a request
# (benchmarks/serving.py).
QUICK_S = 0.001
UNSEEN = 7

# Requests that may wait for a thread, unless the server says otherwise.
MOST_WAITING = 1024

Function = Callable[..., Any]
# What to call, with what; what to call instead if it has waited too long, and since when it waits.
Job = tuple[Callable[..., None], tuple[Any, ...], "Callable[..., None] | None", float]
# Called, in a thread, with a result that nobody waits for any more.
GiveBack = Callable[[Any], Any]
MakeError = Callable[[], BaseException]


class Mailbox:
    """Where threads put results for one event loop."""

    def __init__(self) -> None:
        self._results: deque[Result] = deque()
        self._is_awake = False

    def put(self, loop: asyncio.AbstractEventLoop, result: Result) -> None:
        """Leave a result, from any thread; wake the loop unless it is about to look."""
        self._results.append(result)
        if not self._is_awake:
            self._is_awake = True
            try:
                loop.call_soon_threadsafe(self._empty)
            except RuntimeError:  # the loop has been closed: nobody waits any more
                self._is_awake = False
                self._results.clear()

    def _empty(self) -> None:
        """Give each waiting task its result."""
        # Before looking: what is put from now on wakes the loop again.
        self._is_awake = False
        results = self._results
        while results:
            future, give_back, value, error = results.popleft()
            if future.cancelled():
                if give_back is not None and error is None:
                    start_in_thread(give_back, value)
            elif error is None:
                future.set_result(value)
            else:
                future.set_exception(error)


Result = tuple["asyncio.Future[Any]", "GiveBack | None", Any, "BaseException | None"]
_mailboxes: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Mailbox] = (
    weakref.WeakKeyDictionary()
)


def _mailbox_of(loop: asyncio.AbstractEventLoop) -> Mailbox:
    """Return the mailbox of an event loop."""
    mailbox = _mailboxes.get(loop)
    if mailbox is None:
        mailbox = _mailboxes[loop] = Mailbox()
    return mailbox


class Pool:
    """Threads that take jobs from one queue; each is started when all others are busy."""

    def __init__(self, size: int, most_waiting: int = MOST_WAITING, spare: int = 0) -> None:
        """Make a pool that starts no thread yet.

        size: threads at most. most_waiting: requests that may wait for one. spare: threads beyond
        size, while the others wait and do not compute.
        """
        self.size = self.least = size
        self.spare = spare
        self._growth = Growth()
        self._jobs: SimpleQueue[Any] = SimpleQueue()
        self._threads = 0
        # Of them, those that wait for a client, each with another one in its place.
        self._lent = 0
        # Of them, those that take no job while fewer do as much.
        self._aside = 0
        # One item for each thread that waits for a job: what it loses to a job, it gets back.
        self._idle: deque[None] = deque()
        self.admission = Admission(most_waiting, self.count_threads, self._idle)
        self._lock = threading.Lock()

    def put(self, work: Callable[..., None], *args: Any) -> None:
        """Have a thread call a function, which must not raise.

        RuntimeError: there is no thread, and none can be started.
        """
        self._put((work, args, None, 0.0))

    def put_behind(
        self, refuse: Callable[..., None], work: Callable[..., None], *args: Any
    ) -> None:
        """Have a thread do what waits behind others, or refuse it where it has waited too long.

        Of two functions one is called with the arguments, and must not raise. RuntimeError: as
        put().
        """
        self._put((work, args, refuse, monotonic()))

    def _put(self, job: Job) -> None:
        self._jobs.put(job)
        try:
            self._idle.pop()
        except IndexError:
            # While there are spare threads to have, only now and then.
            if self._threads < self.size or monotonic() >= self._growth.next_look:
                self._grow()

    def count_waiting(self) -> int:
        """Return how many jobs no thread has begun."""
        return self._jobs.qsize()

    def count_threads(self) -> int:
        """Return how many jobs may be done at once, as far as more threads help."""
        most = self.size + self.spare
        return (most if self._growth.helps else max(self.size, self._threads)) - self._lent

    def lend(self) -> None:
        """Have another thread do jobs in the place of the calling one, which waits for a client."""
        with self._lock:
            self.size += 1
            self._lent += 1
        if not self._jobs.empty():
            self._grow()

    def take_back(self) -> None:
        """Take the calling thread back; the other one ends when it has nothing to do."""
        with self._lock:
            self.size -= 1
            self._lent -= 1

    def _grow(self) -> None:
        """Start a thread, unless there are all."""
        if self._threads == self.size + self.spare:
            return
        with self._lock:
            if self._threads >= self.size and not self._may_have_spare():
                return
            name = f"kolben-view-{self._threads + 1}"
            try:
                threading.Thread(target=self._work, name=name, daemon=True).start()
            except RuntimeError:  # the system has no more; those that there are will do
                if not self._threads:
                    raise
            else:
                self._threads += 1

    def _may_have_spare(self) -> bool:
        return self._threads < self.size + self.spare and self._growth.is_due(monotonic())

    def _work(self) -> None:
        """Do jobs, for ever; a thread that can be spared only as long as there are some."""
        admission, unseen = self.admission, 0
        crowding = admission.crowding
        at_work, at_work.pool = _at_work, self
        while True:
            job = self._take()
            if job is None:
                return
            work, args, refuse, came = job
            del job
            if refuse is not None and admission.is_late(came):
                refuse(*args)
            else:
                admission.begun += 1
                if unseen:
                    unseen -= 1
                    work(*args)
                else:
                    at_work.waited_s, began = 0.0, monotonic()
                    work(*args)
                    took_s = monotonic() - began - at_work.waited_s
                    admission.note_service(took_s)
                    unseen = UNSEEN if took_s < QUICK_S else 0
            # Not kept until the next job comes.
            del work, args, refuse
            if crowding.at_once < self._threads - self._lent:
                self._stand_aside()
            if self._jobs.empty():
                work_for_loop(None)
                self._idle.append(None)

    def _stand_aside(self) -> None:
        """Take no job as long as fewer threads do as much."""
        admission, crowding = self.admission, self.admission.crowding
        with self._lock:
            if self._threads - self._lent - self._aside <= crowding.at_once:
                return
            self._aside += 1
        while crowding.at_once < self._threads - self._lent:
            begun = admission.begun
            sleep(ASIDE_S)
            if begun == admission.begun:
                # The others hang, or nothing comes any more.
                crowding.end()
        with self._lock:
            self._aside -= 1

    def _take(self) -> Any:
        """Wait for a job; None if this thread is not needed any more.

        PERF: before it sleeps, a thread lets others run a few times. Whoever brings the jobs needs
        the interpreter lock too, and brings several meanwhile, instead of waking a thread for each:
        14 us a request instead of 19 us (benchmarks/serving.py).
        """
        for _ in range(TURNS):
            try:
                return self._jobs.get_nowait()
            except Empty:
                let_others_run()
        while self._threads > self.size:
            with suppress(Empty):
                return self._jobs.get(timeout=SPARE_IDLE_S)
            if self._leave():
                return None
        return self._jobs.get()

    def _leave(self) -> bool:
        """Take an idle thread out of the pool; False if it has just been given a job."""
        with self._lock:
            if self._threads == self.size:
                return False
            try:
                self._idle.pop()
            except IndexError:
                return False
            self._threads -= 1
            return True


class _AtWork(threading.local):
    """The pool that a thread is of, and how long it has waited for clients in its job."""

    pool: Pool | None = None
    waited_s = 0.0


_at_work = _AtWork()


@contextmanager
def replaced() -> Iterator[None]:
    """Have another thread do jobs while this one, in the body, waits for a client."""
    pool = _at_work.pool
    if pool is None:  # of somebody else's
        yield
        return
    pool.lend()
    began = monotonic()
    try:
        yield
    finally:
        pool.take_back()
        _at_work.waited_s += monotonic() - began


def _run_for_loop(
    loop: asyncio.AbstractEventLoop,
    future: asyncio.Future[Any],
    mailbox: Mailbox,
    context: contextvars.Context,
    handled: BaseException | None,
    give_back: GiveBack | None,
    function: Function,
    args: tuple[Any, ...],
) -> None:
    """Call a function, and leave what it returns or raises for whoever waits on the loop."""
    if future.cancelled():  # nobody waits for what has not begun
        return
    work_for_loop(loop)
    value: Any = None
    error: BaseException | None = None
    try:
        if handled is None:
            value = context.run(function, *args)
        else:
            value = context.run(run_while_handling, handled, function, *args)
    except BaseException as raised:
        error = raised
        if isinstance(raised, StopIteration):  # no future takes it
            error = RuntimeError(f"{function!r} raised StopIteration.")
            error.__cause__ = raised
    mailbox.put(loop, (future, give_back, value, error))
    # The error's traceback has this frame, which must not have the error, nor who has it now.
    del error, future


def _refuse_for_loop(
    make_error: MakeError,
    loop: asyncio.AbstractEventLoop,
    future: asyncio.Future[Any],
    mailbox: Mailbox,
    *_: Any,
) -> None:
    """Leave an error for whoever waits on the loop; with what _run_for_loop() has."""
    mailbox.put(loop, (future, None, None, make_error()))


_size: int | None = None
_most_waiting = MOST_WAITING
_spare = 0
_is_bounded = False
_pool: Pool | None = None
_lock = threading.Lock()


def set_threads(size: int, most_waiting: int = MOST_WAITING, spare: int = 0) -> None:
    """Set how many threads the pool has, whatever KOLBEN_THREADS says; before it has any.

    most_waiting, spare: as Pool has them. From then on has_room() says what its queue does.
    """
    global _size, _most_waiting, _spare, _is_bounded
    _size, _most_waiting, _spare, _is_bounded = size, most_waiting, spare, True


def the_pool() -> Pool:
    """Return this process's pool; ValueError for a KOLBEN_THREADS that is no number of threads."""
    global _pool
    if _pool is None:
        with _lock:
            if _pool is None:
                _pool = Pool(_size or read_threads(), _most_waiting, _spare)
    return _pool


def has_room() -> bool:
    """Say whether one more request may wait for a thread.

    Under a server that is not ours, any may: it is the one to say how many it takes on.
    """
    if not _is_bounded or _pool is None:
        return True
    waiting = _pool.count_waiting()
    return not waiting or _pool.admission.admits(waiting)


def count_waiting() -> int | None:
    """Return how many calls wait for a thread; None where this process has no pool."""
    return None if _pool is None else _pool.count_waiting()


def _forget_pool() -> None:
    """After a fork: the threads did not come along, and the lock may be held still.

    A thread that has forked itself gets one job more, and none of those that wait in the parent.
    """
    global _pool, _lock
    if _pool is not None:
        _pool._jobs = SimpleQueue()
        _pool._jobs.put((end_child, (), None, 0.0))
    _pool, _lock = None, threading.Lock()


# Windows has no fork.
_at_fork: Callable[..., Any] = getattr(os, "register_at_fork", dict)
_at_fork(after_in_child=_forget_pool)


def start_in_thread(
    function: Function,
    *args: Any,
    give_back: GiveBack | None = None,
    make_error: MakeError | None = None,
) -> tuple[asyncio.Future[Any], contextvars.Context]:
    """Begin to call a function in a thread of the pool; return its result to come, and its context.

    The function is not called if the future is cancelled before a thread is free. Cancelled later,
    it runs to its end, and give_back gets what it returns. make_error: makes what is raised instead
    where more comes than the threads can do, and the call has waited for too long.
    """
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    context = contextvars.copy_context()
    handled = sys.exc_info()[1]
    mailbox = _mailbox_of(loop)
    call = loop, future, mailbox, context, handled, give_back, function, args
    try:
        if make_error is None:
            the_pool().put(_run_for_loop, *call)
        else:
            the_pool().put_behind(partial(_refuse_for_loop, make_error), _run_for_loop, *call)
    except RuntimeError:
        future.cancel()
        raise
    return future, context


async def run_in_thread(
    function: Function,
    *args: Any,
    give_back: GiveBack | None = None,
    make_error: MakeError | None = None,
) -> Any:
    """Call a function in a thread of the pool and return its result.

    It sees the caller's context variables and the exception that is being handled; what it sets is
    set for the caller afterwards. A caller that is cancelled goes on at once, and the function as
    start_in_thread() says.
    """
    future, context = start_in_thread(function, *args, give_back=give_back, make_error=make_error)
    try:
        return await future
    finally:
        if not future.cancelled():
            take_over(context)
        del future  # it has the exception, whose traceback has this frame
