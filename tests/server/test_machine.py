"""Cores, memory and files are those that a process may use, in a container too."""

from __future__ import annotations

from pathlib import Path

import pytest

from kolben.env import usable_cpus
from kolben.server.machine import read_machine

MEMORY = {"proc/meminfo": "MemTotal:        4096000 kB\nMemFree: 1 kB\n"}
TENTH = usable_cpus() / 10
QUOTA = str(int(TENTH * 100_000))


def a_root(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


@pytest.mark.parametrize(
    "files",
    [
        {
            "proc/self/cgroup": "0::/\n",
            "sys/fs/cgroup/cpu.max": f"{QUOTA} 100000\n",
            "sys/fs/cgroup/memory.max": "1048576000\n",
        },
        {
            "proc/self/cgroup": "0::/shop.slice/shop.service\n",
            "sys/fs/cgroup/shop.slice/shop.service/cpu.max": f"{QUOTA} 100000\n",
            "sys/fs/cgroup/shop.slice/shop.service/memory.max": "max\n",
            "sys/fs/cgroup/shop.slice/memory.max": "1048576000\n",
        },
        {
            "proc/self/cgroup": "9:name=systemd:/\n4:memory:/shop\n1:cpu,cpuacct:/host\n0::/\n",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": f"{QUOTA}\n",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
            "sys/fs/cgroup/memory/shop/memory.limit_in_bytes": "1048576000\n",
        },
    ],
    ids=["a container", "a service of systemd", "the first version"],
)
def test_a_cgroup_limits_what_there_is(files: dict[str, str], tmp_path: Path) -> None:
    machine = read_machine(a_root(tmp_path, {**MEMORY, **files}))
    assert (TENTH, "cgroup") == (pytest.approx(machine.cores), machine.cores_from)
    assert (1048576000, "cgroup") == (machine.memory_bytes, machine.memory_from)


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"proc/self/cgroup": "0::/\n"},
        {
            "proc/self/cgroup": "0::/\n",
            "sys/fs/cgroup/cpu.max": "max 100000\n",
            "sys/fs/cgroup/memory.max": "max\n",
        },
        {
            "proc/self/cgroup": "4:memory:/\n1:cpu:/\n",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
        },
    ],
    ids=["no cgroup", "no limits", "no limit in version 2", "no limit in version 1"],
)
def test_without_a_limit_the_machine_is_what_there_is(
    files: dict[str, str], tmp_path: Path
) -> None:
    machine = read_machine(a_root(tmp_path, {**MEMORY, **files}))
    assert (usable_cpus(), "machine") == (machine.cores, machine.cores_from)
    assert (4096000 * 1024, "machine") == (machine.memory_bytes, machine.memory_from)


def test_where_nothing_tells_the_memory_is_unknown(tmp_path: Path) -> None:
    assert read_machine(tmp_path).memory_bytes is None
