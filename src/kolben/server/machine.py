"""What the machine has for a server: cores, memory and open files, or what a cgroup leaves of them.

A container sees all cores and all memory of its host, and is stopped at the limits of its cgroup.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from kolben.env import usable_cpus

# A cgroup of the first version without a limit has a number of pages near 2**63.
_NO_LIMIT = 2**60


@dataclass(frozen=True)
class Machine:
    """What there is for all workers together.

    cores: as a fraction where a quota says so. memory_bytes: None where nothing tells.
    cores_from, memory_from: "machine" or "cgroup". open_files: soft and hard limit of a process;
    None: there is none.
    """

    cores: float
    cores_from: str
    memory_bytes: int | None
    memory_from: str
    open_files: tuple[int, int] | None


def read_machine(root: Path = Path("/")) -> Machine:
    """Read what this process may use.

    root: the folder that holds `proc` and `sys`.
    """
    cores: float = usable_cpus()
    quota = min(_limits(root, "cpu", _quota_of), default=cores)
    memory = _memory_of_the_machine(root)
    limit = min(_limits(root, "memory", _memory_limit_of), default=None)
    if memory is not None and limit is not None and limit >= memory:
        limit = None
    return Machine(
        cores=min(cores, quota),
        cores_from="cgroup" if quota < cores else "machine",
        memory_bytes=memory if limit is None else int(limit),
        memory_from="machine" if limit is None else "cgroup",
        open_files=_open_files(),
    )


def _limits(root: Path, controller: str, read: Callable[[Path], float | None]) -> Iterator[float]:
    """Give the limits of this process's cgroup and of those that hold it."""
    for folder in _cgroups(root, controller):
        try:
            limit = read(folder)
        except (OSError, ValueError):
            continue
        if limit is not None:
            yield limit


def _cgroups(root: Path, controller: str) -> Iterator[Path]:
    """Give the folders of the cgroups that this process is in, from the inmost on."""
    try:
        lines = (root / "proc/self/cgroup").read_text("utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        mounted = root / "sys/fs/cgroup" / (controllers and controller)
        inmost = mounted / path.lstrip("/")
        yield inmost
        # In a container the path may be the host's, and only the outermost be there.
        yield from (parent for parent in inmost.parents if parent.is_relative_to(mounted))


def _quota_of(folder: Path) -> float | None:
    """Return how many cores a cgroup may use; None: all."""
    if (folder / "cpu.max").exists():
        quota, period = (folder / "cpu.max").read_text("ascii").split()
        return None if quota == "max" else int(quota) / int(period)
    quota = (folder / "cpu.cfs_quota_us").read_text("ascii")
    period = (folder / "cpu.cfs_period_us").read_text("ascii")
    return None if int(quota) < 0 else int(quota) / int(period)


def _memory_limit_of(folder: Path) -> float | None:
    """Return how many bytes a cgroup may use; None: all."""
    if (folder / "memory.max").exists():
        text = (folder / "memory.max").read_text("ascii").strip()
        return None if text == "max" else int(text)
    limit = int((folder / "memory.limit_in_bytes").read_text("ascii"))
    return None if limit > _NO_LIMIT else limit


def _memory_of_the_machine(root: Path) -> int | None:
    try:
        lines = (root / "proc/meminfo").read_text("ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemTotal:"))
    except (OSError, StopIteration, ValueError):
        return None


def _open_files() -> tuple[int, int] | None:
    try:
        import resource  # starts faster without it
    except ImportError:
        return None
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or hard < 0:
        hard = 2**31
    return (hard if soft < 0 else soft), hard
