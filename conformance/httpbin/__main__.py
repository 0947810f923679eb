"""The command `python -m conformance.httpbin`: ask httpbin on Flask and on Kolben, and compare."""

from __future__ import annotations

import argparse
import http.client
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

from conformance import report
from conformance.environment import Variant
from conformance.httpbin.answers import Answer, ask
from conformance.httpbin.servers import SERVERS, free_port, serving
from conformance.httpbin.table import CALLS, CHUNKED, Call
from conformance.suites import ConformanceError

KEPT = Path(__file__).parent / "kept.toml"


def main(argv: Sequence[str]) -> int:
    """Do what the command line says; 0 when all answers are equal or kept different."""
    parser = argparse.ArgumentParser(prog="python -m conformance.httpbin", description=__doc__)
    parser.add_argument(
        "--server", choices=SERVERS, default="kolben", help="what serves the app on Kolben"
    )
    parser.add_argument("--all", action="store_true", help="show the equal answers too")
    arguments = parser.parse_args(list(argv))
    calls = [*CALLS, *(CHUNKED if arguments.server == "gunicorn" else ())]
    try:
        # One port for both, one after the other: httpbin tells its own address.
        port = free_port()
        flask = _answers(calls, Variant.BASELINE, "gunicorn", port)
        kolben = _answers(calls, Variant.WITHOUT_FLASK, arguments.server, port)
        return _report(calls, flask, kolben, _read_kept(arguments.server), arguments.all)
    except ConformanceError as error:
        print(error, file=sys.stderr)
        return 2


def _answers(calls: list[Call], variant: Variant, server: str, port: int) -> list[Answer | str]:
    answers: list[Answer | str] = []
    with serving(variant, server, port):
        for call in calls:
            try:
                answers.append(ask(port, call))
            except (OSError, ValueError, http.client.HTTPException) as error:
                answers.append(f"{type(error).__name__}: {error}")
    return answers


def _read_kept(server: str) -> dict[str, str]:
    """Read the calls whose answers may differ on this server, with the reason."""
    entries = tomllib.loads(KEPT.read_text("utf-8")).get("kept", [])
    return {
        name: entry["reason"]
        for entry in entries
        if server in entry["servers"]
        for name in entry["calls"]
    }


def _report(
    calls: list[Call],
    flask: list[Answer | str],
    kolben: list[Answer | str],
    kept: dict[str, str],
    show_all: bool,
) -> int:
    rows = []
    failed = 0
    for call, theirs, ours in zip(calls, flask, kolben, strict=True):
        found = differences(theirs, ours)
        is_kept = call.name in kept
        fault = bool(found) != is_kept
        failed += fault
        if not (found or fault or show_all):
            continue
        verdict = ("kept" if found else "kept, but equal now") if is_kept else found or "equal"
        status = ours.status if isinstance(ours, Answer) else "no answer"
        rows.append((call.name[:60], status, str(verdict)[:400]))
    if rows:
        print(report.table(rows, ("request", "status", "verdict")))
    unknown = kept.keys() - {call.name for call in calls}
    for name in sorted(unknown):
        print(f"{KEPT.name} names {name!r}, which is no call.")
    equal = len(calls) - failed
    print(f"httpbin: {len(calls)} requests, {equal} as they should be, {failed} not")
    return 1 if failed or unknown else 0


def differences(flask: Answer | str, kolben: Answer | str) -> str:
    """Tell in one line what differs between two answers; "" if nothing does."""
    if isinstance(flask, str) or isinstance(kolben, str):
        return "" if flask == kolben else f"Flask {flask!s:.150} | Kolben {kolben!s:.150}"
    found = []
    if flask.status != kolben.status:
        found.append(f"status: Flask {flask.status} | Kolben {kolben.status}")
    theirs, ours = set(flask.headers), set(kolben.headers)
    if flask.headers != kolben.headers:
        found.append(f"headers: Flask {sorted(theirs - ours)} | Kolben {sorted(ours - theirs)}")
    if flask.body != kolben.body:
        found.append(f"body: Flask {flask.body[:200]!r} | Kolben {kolben.body[:200]!r}")
    return "; ".join(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
