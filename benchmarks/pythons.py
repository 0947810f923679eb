"""What a request costs on Flask and Falcon, in Kolben's times, on the Python that runs this.

    python3.14 -m benchmarks.pythons [--rounds N] [--write]

Makes an environment for each of the three with that Python, in build/pythons/, and lets them take
turns as `python -m benchmarks.inprocess` does. --write: keep the ratios in
benchmarks/results/pythons.json, beside those of other Pythons. Servers are left out of the
environments, so that PyPy has them too.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

from benchmarks.inprocess import check, compare, start
from benchmarks.peers import CHECKOUT, clean_environ, environments, python_of
from benchmarks.turns import RESULTS, print_table, write

SIDES = ["flask", "falcon", "kolben"]
WORKLOADS = ["text", "JSON", "JSON POST", "hooks in a blueprint", "session read and write"]
# What serves in the environments of benchmarks.peers.
SERVERS = ("granian", "gunicorn")
HEADS = ["Python", *(f"{workload}: Flask / Falcon" for workload in WORKLOADS)]


def interpreter() -> str:
    """Name the Python that runs this, as CPython 3.14.1."""
    name = platform.python_implementation()
    if name == "PyPy":
        release = ".".join(map(str, sys.implementation.version[:3]))
        return f"PyPy {release} ({platform.python_version()})"
    return f"{name} {platform.python_version()}"


def make(folder: Path, name: str) -> None:
    """Make an environment unless it is there; raise CalledProcessError when pip cannot."""
    if python_of(folder, name).exists():
        return
    venv.create(folder / name, with_pip=True, symlinks=True)
    content = environments()[name]
    wanted = [p for p in content["packages"] if not p.startswith(SERVERS)]
    if "checkout" in content:
        wanted += ["--editable", str(CHECKOUT)]
    pip = [str(python_of(folder, name)), "-m", "pip", "install", "--quiet"]
    subprocess.run([*pip, "--disable-pip-version-check", *wanted], check=True, env=clean_environ())


def ratios(rows: list[dict[str, Any]]) -> dict[str, dict[str, float | None]]:
    """Return for each workload how many times Kolben's time the others take."""
    return {
        row["workload"]: {
            name: row["sides"].get(name, {}).get("ratio") for name in ("flask", "falcon")
        }
        for row in rows
    }


def cells(found: dict[str, dict[str, float | None]]) -> list[str]:
    """Return the cells of a Python: Flask's ratio and Falcon's for each workload."""
    pairs = [found[workload] for workload in WORKLOADS]
    return [
        " / ".join("-" if one is None else f"{one:g}" for one in pair.values()) for pair in pairs
    ]


def main() -> None:
    """Measure on this Python, print, and keep the ratios if told to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--write", action="store_true")
    told = parser.parse_args()
    name = interpreter()
    folder = CHECKOUT / "build" / "pythons" / name.split(" (")[0].replace(" ", "-")
    for side in SIDES:
        make(folder, side)
    sides, _ = start(SIDES, folder)
    try:
        check({side: process.introduction for side, process in sides.items()})
        found = ratios(compare(sides, WORKLOADS, told.rounds))
    finally:
        for process in sides.values():
            process.stop()
    print_table(HEADS, [[name, *cells(found)]])
    if told.write:
        file = RESULTS / "pythons.json"
        kept = json.loads(file.read_text("utf-8")) if file.exists() else {}
        write("pythons", {**kept, name: found})


if __name__ == "__main__":
    main()
