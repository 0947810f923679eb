"""The command `python -m conformance.differential`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from conformance.differential.compare import judge, read_kept
from conformance.differential.oracle import flask_python, kolben_python, run_driver
from conformance.differential.subjects import NAMES
from conformance.suites import ConformanceError

RECORD = Path(__file__).parent / "recorded.json"

#: The minor versions decide wording; with others a difference may come from them.
_VERSIONS = ("werkzeug", "jinja2", "markupsafe", "itsdangerous")


def main(argv: Sequence[str]) -> int:
    """Do what the command line says; 0 when all answers are as they should be."""
    arguments = _parser().parse_args(list(argv))
    try:
        if arguments.record or arguments.check_record:
            return _record(check=arguments.check_record)
        return _compare(arguments.subjects, arguments.verdict)
    except ConformanceError as error:
        print(error, file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m conformance.differential",
        description="Send the same requests to the same apps, and compare with the real Flask.",
    )
    parser.add_argument("subjects", nargs="*", choices=[[], *NAMES], help="only these tables")
    parser.add_argument("--record", action="store_true", help="write what the real Flask answers")
    parser.add_argument(
        "--check-record", action="store_true", help="ask the real Flask again and compare"
    )
    parser.add_argument("--verdict", type=Path, help="write what is wrong with each answer here")
    return parser


def _record(*, check: bool) -> int:
    fresh = run_driver("flask", flask_python(), [])
    if not check:
        RECORD.write_text(_lines(fresh), "utf-8")
        print(f"Recorded {len(fresh['answers'])} answers of Flask in {RECORD.name}.")
        return 0
    recorded = _read_record()
    faults = judge(recorded["answers"], fresh["answers"], [])
    return _print_faults(faults, "the record, asked again")


def _lines(record: dict[str, Any]) -> str:
    """Write a record as JSON with a line for each answer, so that a change is seen as one."""
    answers = ",\n".join(
        f"{json.dumps(name)}: {json.dumps(answer, sort_keys=True)}"
        for name, answer in sorted(record["answers"].items())
    )
    versions = json.dumps(record["versions"], sort_keys=True)
    return f'{{"versions": {versions},\n"answers": {{\n{answers}\n}}}}\n'


def _read_record() -> dict[str, Any]:
    if not RECORD.exists():
        raise ConformanceError(f"{RECORD.name} is missing. Make it: --record")
    record: dict[str, Any] = json.loads(RECORD.read_text("utf-8"))
    return record


def _compare(subjects: list[str], verdict: Path | None) -> int:
    recorded = _read_record()
    live = run_driver("kolben", kolben_python(), subjects)
    for name in _VERSIONS:
        ours, theirs = live["versions"][name], recorded["versions"][name]
        if ours != theirs:
            print(f"{name} is {ours} here and was {theirs} in the record.", file=sys.stderr)
    answers = recorded["answers"]
    if subjects:
        answers = {k: v for k, v in answers.items() if k.partition("/")[0] in subjects}
    faults = judge(answers, live["answers"], read_kept())
    if subjects:
        faults = {k: v for k, v in faults.items() if k.partition("/")[0] in subjects}
    if verdict is not None:
        verdict.write_text(json.dumps(faults, indent=1), "utf-8")
    return _print_faults(faults, "Kolben")


def _print_faults(faults: dict[str, list[str]], who: str) -> int:
    wrong = {name: found for name, found in faults.items() if found}
    for name, found in wrong.items():
        print(name, *found, sep="\n    ")
    subjects: dict[str, list[int]] = {}
    for name, found in faults.items():
        counts = subjects.setdefault(name.partition("/")[0], [0, 0])
        counts[0] += 1
        counts[1] += bool(found)
    for subject, (sent, failed) in subjects.items():
        print(f"{subject:16}{sent:6} requests{failed:6} differ")
    right = len(faults) - len(wrong)
    print(f"{who}: {len(faults)} requests, {right} as they should be, {len(wrong)} not")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
