"""The command `python -m conformance`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from conformance import report
from conformance.audit import void_reasons
from conformance.baseline import (
    baseline_path,
    make_baseline,
    read_baseline,
    read_exclusions,
    write_baseline,
)
from conformance.environment import Variant
from conformance.run import run_by_hand, run_suite
from conformance.suites import ConformanceError, Suite, load_suites
from conformance.verdict import Verdict, judge

#: What is compared in other ways than by a suite; each is a package with a command of its own.
COMMANDS = ("differential", "httpbin", "names")


def main(argv: Sequence[str]) -> int:
    """Do what the command line says; 0 when all is well, 1 when a suite is not, 2 on misuse."""
    if argv and argv[0] in COMMANDS:
        return int(import_module(f"conformance.{argv[0]}.__main__").main(argv[1:]))
    own, for_pytest = _split(argv)
    arguments = _parser().parse_args(own)
    try:
        suites = load_suites()
        if arguments.list:
            print(_listing(suites))
            return 0
        chosen = _choose(suites, arguments.suites, everything=arguments.all)
        if for_pytest is not None:
            if len(chosen) != 1:
                raise ConformanceError("Arguments after -- are for one suite: name just one.")
            return run_by_hand(chosen[0], _variant(arguments), for_pytest)
        if arguments.record:
            return _record(chosen)
        return _compare(suites, chosen, _variant(arguments))
    except ConformanceError as error:
        print(error, file=sys.stderr)
        return 2


def _split(argv: Sequence[str]) -> tuple[list[str], list[str] | None]:
    """Part the arguments at the first `--`; what follows it is pytest's."""
    own = list(argv)
    if "--" not in own:
        return own, None
    at = own.index("--")
    return own[:at], own[at + 1 :]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m conformance",
        description="Run upstream test suites against Kolben and compare with the real Flask.",
        epilog="All after -- goes to pytest: python -m conformance flask -- -k session. "
        f"Commands of their own, with --help: {', '.join(COMMANDS)}.",
    )
    parser.add_argument("suites", nargs="*", metavar="suite", help="a name that --list shows")
    parser.add_argument("--all", action="store_true", help="run every suite")
    parser.add_argument("--list", action="store_true", help="show the suites, and end")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--record", action="store_true", help="run on the real Flask: the baseline")
    where.add_argument(
        "--without-flask", action="store_true", help="run where the real Flask is not installed"
    )
    return parser


def _variant(arguments: argparse.Namespace) -> Variant:
    if arguments.record:
        return Variant.BASELINE
    return Variant.WITHOUT_FLASK if arguments.without_flask else Variant.BESIDE


def _choose(suites: dict[str, Suite], names: list[str], *, everything: bool) -> list[Suite]:
    if everything:
        return list(suites.values())
    if not names:
        raise ConformanceError(f"Name a suite ({', '.join(suites)}), or say --all.")
    for name in names:
        if name not in suites:
            raise ConformanceError(f"There is no suite {name!r}. There are: {', '.join(suites)}.")
    return [suites[name] for name in names]


def _listing(suites: dict[str, Suite]) -> str:
    rows = []
    for suite in suites.values():
        recorded = baseline_path(suite).exists()
        passed = len(read_baseline(suite).passed) if recorded else "not recorded"
        rows.append((suite.name, suite.version, passed))
    return report.table(rows, ("suite", "version", "baseline"))


def _record(chosen: list[Suite]) -> int:
    rows = []
    for suite in chosen:
        run = run_suite(suite, Variant.BASELINE)
        if not run.outcomes:
            raise ConformanceError(f"No test of {suite.name!r} ran. Read why in {run.log}")
        if not any(interpreter.real_files for interpreter in run.interpreters):
            raise ConformanceError(f"No interpreter loaded the real Flask. Read why in {run.log}")
        baseline = make_baseline(suite, run.outcomes)
        write_baseline(suite, baseline)
        rows.append((suite.name, suite.version, len(baseline.passed), len(baseline.others)))
        for nodeid, status in baseline.others.items():
            print(f"{status} on the real Flask: {suite.name} {nodeid}")
        for nodeid in sorted(run.again):
            print(f"passed when it ran once more: {suite.name} {nodeid}")
    print(report.table(rows, ("suite", "version", "passed", "others")))
    return 0


def _compare(suites: dict[str, Suite], chosen: list[Suite], variant: Variant) -> int:
    exclusions = read_exclusions(suites)
    verdicts: dict[str, Verdict] = {}
    for suite in chosen:
        baseline = read_baseline(suite)
        run = run_suite(suite, variant)
        void = void_reasons(run.interpreters)
        verdict = judge(baseline.passed, run.outcomes, exclusions[suite.name], void, run.again)
        verdicts[suite.name] = verdict
        print(report.verdict_details(suite, baseline, run, verdict), end="\n\n", flush=True)
    rows = [report.verdict_row(suites[name], verdict) for name, verdict in verdicts.items()]
    print(report.table(rows, report.HEADINGS))
    return 1 if any(verdict.faults for verdict in verdicts.values()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
