"""What a request costs in-process: the same app source on Flask and on Kolben, in one run.

    python -m benchmarks.inprocess [--flask PYTHON] [--rounds N] [--write]

Both WSGI callables are called directly, in a process each; the processes take turns, so that
a machine whose speed drifts is equally slow for both. Times are CPU times. --flask: a Python
that has the real Flask (default: this one). --write: keep the table in benchmarks/results/.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Any

HERE = Path(__file__).parent
BATCH_S = 0.02


def serve_measurements(uses_kolben: bool) -> None:
    """Be one side: measure each workload named on standard input, print seconds per request."""
    if uses_kolben:
        import kolben.drop_in  # noqa: F401
    import flask

    from benchmarks.workloads import REQUESTS, fresh, make_app, make_environ

    if (Path(flask.__file__).parent.name == "kolben") is not uses_kolben:
        raise SystemExit(f"This side got the flask at {flask.__file__}, which is the other's.")
    app = make_app()
    environs = {name: make_environ(app, request) for name, request in REQUESTS.items()}
    for line in sys.stdin:
        environ, body = environs[line.strip()]
        print(_seconds_per_request(app, environ, body, fresh), flush=True)


def _seconds_per_request(app: Any, environ: dict[str, Any], body: bytes, fresh: Any) -> float:
    """Call the app for about BATCH_S; return CPU seconds for each call."""

    def start_response(status: str, headers: Any, exc_info: Any = None) -> None:
        pass

    def batch(count: int) -> float:
        ready = [fresh(environ, body) for _ in range(count)]
        begin = time.process_time()
        for one in ready:
            answer = app(one, start_response)
            for _ in answer:
                pass
            close = getattr(answer, "close", None)
            if close is not None:
                close()
        return time.process_time() - begin

    count = 20
    while batch(count) < BATCH_S / 4:
        count *= 2
    return batch(4 * count) / (4 * count)


class Side:
    """One of the two processes."""

    def __init__(self, python: str, name: str) -> None:
        self.process = subprocess.Popen(
            [python, "-m", "benchmarks.inprocess", "--side", name],
            cwd=HERE.parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def measure(self, workload: str) -> float:
        """Return seconds per request."""
        to: IO[str] | None = self.process.stdin
        back: IO[str] | None = self.process.stdout
        assert to is not None
        assert back is not None
        to.write(f"{workload}\n")
        to.flush()
        return float(back.readline())

    def stop(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def compare(flask_python: str, rounds: int) -> list[dict[str, Any]]:
    """Measure all workloads on both sides, in turns."""
    from benchmarks.workloads import REQUESTS

    theirs, ours = Side(flask_python, "flask"), Side(sys.executable, "kolben")
    try:
        for name in REQUESTS:  # warm up
            theirs.measure(name)
            ours.measure(name)
        rows = []
        for name in REQUESTS:
            pairs = [(theirs.measure(name), ours.measure(name)) for _ in range(rounds)]
            flask, kolben = zip(*pairs, strict=True)
            rows.append(
                {
                    "workload": name,
                    "flask_us": round(statistics.median(flask) * 1e6, 1),
                    "kolben_us": round(statistics.median(kolben) * 1e6, 1),
                    "best_flask_us": round(min(flask) * 1e6, 1),
                    "best_kolben_us": round(min(kolben) * 1e6, 1),
                    "ratio": round(statistics.median(a / b for a, b in pairs), 1),
                }
            )
        return rows
    finally:
        theirs.stop()
        ours.stop()


def show(rows: list[dict[str, Any]]) -> None:
    """Print the table."""
    print(f"{'workload':<26}{'Flask us':>10}{'Kolben us':>11}{'ratio':>8}   (medians; best)")
    for row in rows:
        print(
            f"{row['workload']:<26}{row['flask_us']:>10}{row['kolben_us']:>11}"
            f"{row['ratio']:>8}   {row['best_flask_us']} / {row['best_kolben_us']}"
        )


def main() -> None:
    """Read the arguments; be a side, or compare both."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--flask", default=sys.executable, help="a Python with the real Flask")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--side", choices=["flask", "kolben"], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.side:
        serve_measurements(arguments.side == "kolben")
        return
    rows = compare(arguments.flask, arguments.rounds)
    show(rows)
    if arguments.write:
        result = {"python": platform.python_version(), "rows": rows}
        target = HERE / "results" / "inprocess.json"
        target.parent.mkdir(exist_ok=True)
        target.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
