"""The file that says which process the server's parent is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from kolben.server.board import is_alive


@contextmanager
def pid_file(name: str | None) -> Iterator[None]:
    """Keep this process's number in a file, which is removed at the end; nothing without a name.

    FileExistsError: a process that runs has written it, or it is no such file. OSError: it cannot
    be written.
    """
    if name is None:
        yield
        return
    # The working directory may be another one by the end.
    path = Path(name).absolute()
    check_pid_file(name)
    # Beside it and then in its place: nobody reads half a number.
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    fresh.write_text(f"{os.getpid()}\n", "ascii")
    os.replace(fresh, path)
    try:
        yield
    finally:
        with suppress(OSError, ValueError):
            if int(path.read_text("ascii")) == os.getpid():
                path.unlink()


def check_pid_file(name: str) -> None:
    """Raise FileExistsError if a file is in use by a process that runs, or is no such file."""
    path = Path(name)
    if not path.exists():
        if not path.absolute().parent.is_dir():
            raise FileNotFoundError(2, "the folder does not exist")
        return
    try:
        pid = int(path.read_text("ascii"))
    except (ValueError, OSError):
        raise FileExistsError(
            17, "there is a file of this name with something else in it"
        ) from None
    if pid != os.getpid() and is_alive(pid):
        raise FileExistsError(17, f"process {pid} runs, which has written it")
