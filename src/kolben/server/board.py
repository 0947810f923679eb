"""Where the processes of a server write how they do, for metrics and for `kolben top`.

A folder for each server, in it a small JSON file for each process, replaced whole each second.
Files and not shared memory: a reader needs neither a layout nor a lock, the writing is off the way
of requests, and what a worker has counted is still there when it is killed.

SECURITY: the folder is this user's alone (0700, its files 0600), and what was there before under
its name is used only if it is such a folder.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from kolben.server.measuring import add_delays, add_up, add_up_sockets, no_delays

Record = dict[str, Any]

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]  # where there is none, nothing is locked

_SERVER = "server.json"
_PAST = "past.json"
_WORKER = "worker-{}.json"


class Board:
    """The folder of one server."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    @classmethod
    def make(cls, about: Record) -> Board:
        """Make the board of a server that this process is the parent of; remove those left behind.

        about: what is to be known of the server besides its process.
        """
        parent = own_folder()
        for board in boards_in(parent):
            if not board.is_served():
                board.remove()
        folder = os.path.join(parent, str(os.getpid()))
        os.mkdir(folder, 0o700)
        board = cls(folder)
        pid = os.getpid()
        board.write(_SERVER, {**about, "pid": pid, "started": start_of(pid), "began": time.time()})
        return board

    def remove(self) -> None:
        """Remove the board, at the end of its server."""
        shutil.rmtree(self.folder, ignore_errors=True)

    # Writing.

    def write(self, name: str, record: Record) -> None:
        """Put a record in the place of the one before, so that a reader finds one of them whole."""
        path = os.path.join(self.folder, name)
        fresh = f"{path}.{os.getpid()}"
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with open(descriptor, "w", encoding="ascii") as file:
            json.dump(record, file, separators=(",", ":"))
        os.replace(fresh, path)

    def write_worker(self, record: Record) -> None:
        """Write how this worker does."""
        self.write(_WORKER.format(os.getpid()), record)

    def take_over_the_dead(self) -> None:
        """Add what workers that are no more have counted to what is kept of all of them."""
        with self._lock():
            past = self.past()
            for name in self._worker_files():
                record = self._read(name)
                if record is None or is_alive(record["pid"]):
                    continue
                past = add_past(past, record)
                self.write(_PAST, past)
                os.unlink(os.path.join(self.folder, name))

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Keep other processes from doing the same meanwhile."""
        descriptor = os.open(os.path.join(self.folder, "lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if fcntl is not None:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    # Reading.

    def server(self) -> Record | None:
        """Return what is known of the server; None if there is nothing, or nothing any more."""
        return self._read(_SERVER)

    def is_served(self) -> bool:
        """Say whether the server still runs."""
        server = self.server()
        return (
            server is not None
            and is_alive(server["pid"])
            and server["started"] == start_of(server["pid"])
        )

    def past(self) -> Record:
        """Return what workers that are no more have counted, as far as it was taken over."""
        return self._read(_PAST) or {"workers": 0, "rows": [], "late": {}, "socket_rows": []}

    def workers(self) -> list[Record]:
        """Return how each worker does; one that died lately is still among them."""
        records = map(self._read, self._worker_files())
        return sorted((r for r in records if r is not None), key=lambda r: (r["began"], r["pid"]))

    def requests_of(self, pid: int) -> int | None:
        """Return how many requests a worker has answered; None if it has not said so yet."""
        record = self._read(_WORKER.format(pid))
        return None if record is None else int(record["requests"])

    def running_of(self, pid: int) -> list[str] | None:
        """Return the requests that a worker worked on when it last wrote; None if it has not."""
        record = self._read(_WORKER.format(pid))
        if record is None:
            return None
        since_s = time.time() - record["published"]
        return [
            f"{method} {route} ({age + since_s:.1f} s)" for method, route, age in record["running"]
        ]

    def _worker_files(self) -> list[str]:
        with suppress(FileNotFoundError):
            names = os.listdir(self.folder)
            return [name for name in names if name.startswith("worker-") and name.endswith(".json")]
        return []

    def _read(self, name: str) -> Record | None:
        try:
            record: Record = json.loads(Path(self.folder, name).read_text("ascii"))
        except (FileNotFoundError, NotADirectoryError):
            return None
        return record


def add_past(past: Record, worker: Record) -> Record:
    """Return what is kept of the dead with one more of them."""
    late = {
        name: add_delays(past["late"].get(name) or no_delays(), worker["late"].get(name))
        for name in worker["late"]
    }
    return {
        "workers": past["workers"] + 1,
        "rows": add_up(past["rows"], worker["rows"]),
        # A version before may have written without them.
        "socket_rows": add_up_sockets(
            [*past.get("socket_rows", ()), *worker.get("socket_rows", ())]
        ),
        "late": {**past["late"], **late},
    }


def own_folder() -> str:
    """Return the folder for this user's boards, which is made if it is not there.

    PermissionError if something is there under its name that others can write to.
    """
    user = os.getuid() if hasattr(os, "getuid") else 0
    path = os.path.join(tempfile.gettempdir(), f"kolben-{user}")
    with suppress(FileExistsError):
        os.mkdir(path, 0o700)
    if hasattr(os, "getuid"):
        found = os.lstat(path)
        is_own = found.st_uid == user and not found.st_mode & 0o077
        if not (stat.S_ISDIR(found.st_mode) and is_own):
            raise PermissionError(
                f"{path} is no folder of this user's alone: remove it, or set TMPDIR to another."
            )
    return path


def find_boards() -> list[Board]:
    """Return the boards of this user's servers that run."""
    return [board for board in boards_in(own_folder()) if board.is_served()]


def boards_in(parent: str) -> list[Board]:
    """Return the boards that lie in a folder, of servers that run or do not."""
    names = sorted(name for name in os.listdir(parent) if name.isdecimal())
    return [Board(os.path.join(parent, name)) for name in names]


def is_alive(pid: int) -> bool:
    """Say whether there is a process of this number; where that cannot be asked, that there is."""
    if os.name == "nt":  # whose kill() ends a process whatever the signal
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def start_of(pid: int) -> int | None:
    """Return when a process was started, in its system's own count; None if that is not known.

    A number is given to another process some day; both together never.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return None
    # proc(5): the name, in brackets, may hold spaces; the 22nd field is the start.
    return int(text.rpartition(")")[2].split()[19])
