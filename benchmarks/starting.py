"""What starting costs: the CPU time and the memory of a Python that imports, or makes an app."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
from pathlib import Path
from typing import Any

from benchmarks.peers import clean_environ, python_of
from benchmarks.turns import HERE, NotThereError, round_figure

# Each process says at its end what it has cost, on a pipe. What is imported for that, every Python
# has loaded by then.
_PRELUDE = """
import atexit, os, time
def report():
    with open("/proc/self/status") as status:
        peak = next(line.split()[1] for line in status if line.startswith("VmHWM"))
    os.write({pipe}, b"[%r, %s]" % (time.process_time(), peak.encode()))
atexit.register(report)
"""
_COMMAND = "import sys; sys.argv[:] = [{name!r}, '--help']; from {module} import main; main()"
_RULES = "from benchmarks.in_process.sized import make_caller; make_caller({!r}, 'rules', 1000)"

# What is started: the environment, and the code.
STARTS = {
    "python": ("kolben", ""),
    "import flask": ("flask", "import flask"),
    "import kolben": ("kolben", "import kolben"),
    "from kolben import Flask": ("kolben", "from kolben import Flask"),
    "import falcon": ("falcon", "import falcon"),
    "flask --help": ("flask", _COMMAND.format(name="flask", module="flask.cli")),
    "kolben --help": ("kolben", _COMMAND.format(name="kolben", module="kolben.__main__")),
    "flask, 1000 rules and a request": ("flask", _RULES.format("flask")),
    "kolben, 1000 rules and a request": (
        "kolben",
        f"import kolben.drop_in; {_RULES.format('kolben')}",
    ),
    "falcon, 1000 rules and a request": ("falcon", _RULES.format("falcon")),
}


def measure_starts(peers: Path, rounds: int) -> list[dict[str, Any]]:
    """Start all in turns; return for each the milliseconds of CPU time and the peak memory."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in STARTS}
    for number in range(rounds + 1):
        for name, (environment, code) in STARTS.items():
            one = start(python_of(peers, environment), code)
            if number:  # the first one writes the bytecode
                found[name].append(one)
    return [
        {
            "what": name,
            "median_ms": round_figure(statistics.median(one["cpu_s"] for one in runs) * 1e3),
            "best_ms": round_figure(min(one["cpu_s"] for one in runs) * 1e3),
            "memory_mb": round_figure(statistics.median(one["kilobytes"] for one in runs) / 1024),
        }
        for name, runs in found.items()
    ]


def start(python: Path, code: str) -> dict[str, float]:
    """Run code in a new process; return its CPU seconds and its peak memory in kilobytes."""
    if not python.exists():
        raise NotThereError(f"there is no {python.name}: see `python -m benchmarks.peers`")
    back, pipe = os.pipe()
    with open(back, "rb") as said:
        try:
            subprocess.run(
                [str(python), "-c", _PRELUDE.format(pipe=pipe) + code],
                cwd=HERE.parent,
                env=clean_environ(),
                capture_output=True,
                pass_fds=[pipe],
                check=True,
                timeout=120,
            )
        finally:
            os.close(pipe)
        cpu_s, kilobytes = json.loads(said.read())
    return {"cpu_s": cpu_s, "kilobytes": kilobytes}
