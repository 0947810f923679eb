"""Read which Flask each interpreter of a run loaded, and say whether the run counts."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Interpreter:
    """One process of a run, as it recorded itself."""

    pid: int
    argv: list[str] = field(default_factory=list)
    forked_from: int | None = None
    real_files: set[str] = field(default_factory=set)
    used_flask: bool = False
    missed_alias: bool = False
    wrote_exit: bool = False

    def take(self, line: dict[str, Any]) -> None:
        """Take in one line of the process's record."""
        match line["event"]:
            case "start":
                self.argv, self.forked_from = line["argv"], line["forked_from"]
            case "real":
                self.real_files.add(line["file"])
            case "import":
                self.used_flask = True
                self.missed_alias |= not line["alias"]
            case "exit":
                self.wrote_exit = True
                self.real_files.update(line["real"])
                self.used_flask |= line["flask"]
                self.missed_alias |= line["flask"] and not line["alias"]
            case event:
                raise ValueError(f"{event!r} is no event of an audit record.")

    def __str__(self) -> str:
        fork = f", forked from {self.forked_from}" if self.forked_from else ""
        return f"process {self.pid} ({' '.join(self.argv)[:120]}{fork})"


def read_records(folder: Path) -> list[Interpreter]:
    """Read the records of a run, one file per process."""
    interpreters = []
    for path in sorted(folder.glob("*.jsonl")):
        interpreter = Interpreter(pid=int(path.stem.partition("-")[0]))
        for line in path.read_text("utf-8").splitlines():
            # A process that was killed may have left half a line.
            if line.endswith("}"):
                interpreter.take(json.loads(line))
        interpreters.append(interpreter)
    return interpreters


def void_reasons(interpreters: list[Interpreter]) -> list[str]:
    """Say why a run through the drop-in does not count; nothing if it does."""
    reasons = []
    for interpreter in interpreters:
        if interpreter.real_files:
            first, *others = sorted(interpreter.real_files)
            more = f" and {len(others)} more" if others else ""
            reasons.append(f"{interpreter} ran the real Flask: {first}{more}")
        elif interpreter.missed_alias:
            reasons.append(f"{interpreter} asked for flask while the alias was not live")
    if not any(interpreter.used_flask for interpreter in interpreters):
        reasons.append("no interpreter recorded that it asked for flask: nothing was tested")
    return reasons
