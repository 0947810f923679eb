"""`python -m tests.extensions.served`: real extensions in small apps, served in every way.

The real Flask under gunicorn gives the answers that are expected of Kolben in each way. Prints the
table, and a difference for each cell that is not well; `--write` puts the table into the manual.
"""

from __future__ import annotations

import argparse
import difflib
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor

from conformance.environment import Environment
from tests.extensions.packages import SERVED, version_of
from tests.extensions.served.declared import Declared, read_apps
from tests.extensions.served.table import Row, format_table, write_page
from tests.extensions.served.ways import COMMANDS, FLASK, SERVERS, Way, answers_of
from tests.user_environment import user_environment

# More than cores: much of the time is spent waiting for processes to start and to end.
JOBS = 4
WAYS = {way.name: way for way in (*SERVERS, *COMMANDS)}
NAMES_OF_COMMANDS = {command.name for command in COMMANDS}
Answers = dict[tuple[str, str], "Future[list[str]]"]


def main() -> int:
    """Run the matrix; return 0 if every cell is well."""
    parser = argparse.ArgumentParser(prog="python -m tests.extensions.served", description=__doc__)
    parser.add_argument("names", nargs="*", help="apps, as `flask_login_app`; all by default")
    parser.add_argument("--way", action="append", help="only this way, as 'serve (RSGI)'")
    parser.add_argument("--show", action="store_true", help="print what the real Flask answers")
    parser.add_argument("--write", action="store_true", help="write the table into the manual")
    options = parser.parse_args()
    apps = [app for app in read_apps() if not options.names or app.name in options.names]
    ways = [way for way in (*SERVERS, *COMMANDS) if not options.way or way.name in options.way]
    began = time.monotonic()
    environment = user_environment("extensions", SERVED)
    built_s = time.monotonic() - began
    with ThreadPoolExecutor(JOBS) as threads:
        answers: Answers = {
            (app.name, way.name): threads.submit(answers_of, environment, app, way)
            for app in apps
            for way in (FLASK, *ways)
        }
        rows = [_row_of(app, environment, answers, show=options.show) for app in apps]
    print(format_table(rows), flush=True)
    print(f"\n{time.monotonic() - began - built_s:.0f} s, and {built_s:.0f} s for the environment.")
    if options.write:
        write_page(rows, [app.package for app in read_apps()])
    failed = sum(not row.is_well for row in rows)
    print(f"{len(rows) - failed} passed, {failed} failed")
    return 1 if failed else 0


def _row_of(app: Declared, environment: Environment, answers: Answers, *, show: bool) -> Row:
    """Compare what an app has answered in each way; print what differs."""
    version = version_of(app.package)
    row = Row(f"{app.package} {version}", app.shows)
    expected = _result(answers[app.name, FLASK.name])
    if isinstance(expected, str):
        expected = _again(environment, app, FLASK)
    if isinstance(expected, str):
        print(f"==== {app.name} on the real Flask\n{expected}\n", flush=True)
        return row
    row.expected = len(expected)
    if show:
        print(f"==== {app.name} on the real Flask\n" + "\n\n".join(expected) + "\n")
    for (name, way), answer in answers.items():
        if name == app.name and way != FLASK.name:
            found = _result(answer)
            wanted: list[str] | str = ["well"] if way in NAMES_OF_COMMANDS else expected
            if found != wanted:
                found = _again(environment, app, WAYS[way])
                if way not in NAMES_OF_COMMANDS and found != wanted:
                    wanted = _again(environment, app, FLASK)
                if found == wanted:
                    print(f"{app.name}: {way} was asked twice", flush=True)
            row.cells[way] = found == wanted
            if found != wanted:
                print(f"==== {app.name}: {way}\n{_difference(wanted, found)}\n", flush=True)
    return row


def _result(answer: Future[list[str]]) -> list[str] | str:
    try:
        return answer.result()
    except Exception as error:  # noqa: BLE001  # it is told, and the others go on
        return f"{type(error).__name__}: {error}"


def _again(environment: Environment, app: Declared, way: Way) -> list[str] | str:
    """Ask once more, with nothing else at work: real clients and servers race, on Flask as well."""
    with ThreadPoolExecutor(1) as thread:
        return _result(thread.submit(answers_of, environment, app, way))


def _difference(expected: list[str] | str, found: list[str] | str) -> str:
    if isinstance(expected, str) or isinstance(found, str):
        return f"{expected}\n----\n{found}"
    lines = ("\n----\n".join(answers).splitlines() for answers in (expected, found))
    return "\n".join(difflib.unified_diff(*lines, "Flask", "Kolben", lineterm="", n=4))


if __name__ == "__main__":
    sys.exit(main())
