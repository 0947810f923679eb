"""A request's time is told part by part, and the parts are all of it."""

from __future__ import annotations

import signal
import sys

import pytest

from benchmarks.figures import one_request
from benchmarks.one_request import THE_APP, THE_SERVER, Samples, about, part_of

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="has no timer of CPU time")


def test_what_is_at_work_is_counted() -> None:
    from werkzeug.test import EnvironBuilder

    from kolben import Flask

    app = Flask("app")
    app.get("/")(lambda: "text")
    environ = EnvironBuilder("/").get_environ()
    samples = Samples()
    before = signal.getsignal(signal.SIGPROF)
    with samples:
        while samples.counts.total() < 50:
            b"".join(app(dict(environ), lambda status, headers: None))
    assert samples.counts["core/context.py"]
    assert not {part for part in samples.counts if "werkzeug" in part}
    assert signal.getsignal(signal.SIGPROF) == before


def test_files_are_parts_or_their_callers() -> None:
    from benchmarks import workloads
    from benchmarks.in_process import callers
    from kolben.core import router

    assert part_of(router.__file__) == "core/router.py"
    assert part_of(callers.__file__) == THE_SERVER
    assert part_of(workloads.__file__) == THE_APP
    assert part_of(signal.__file__) is None
    assert about("core/router.py").startswith("A url_map compiled")
    assert about(THE_APP) == ""


def test_the_table_has_all_of_the_time() -> None:
    rows = [
        {"workload": "text", "us": 3.0, "parts": {"core/cycle.py": 2.5, "app.py": 0.1, "rest": 0.4}}
    ]
    written = one_request({"rows": rows, "about": {"core/cycle.py": "The cycle"}})
    assert written.splitlines()[2:] == [
        "| `core/cycle.py`: The cycle | 2.5 |",
        "| rest | 0.4 |",
        "| the rest | 0.1 |",
        "| **all of it** | 3.0 |",
    ]
