"""A pytest plugin that writes what became of each test, as JSON lines, and may run only some.

Not junit XML: that keeps no node ids. Not pytest's own arguments: one node id that is not found,
such as one with an address in it, and no test runs.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conformance_ids import stable_id  # type: ignore[import-not-found]  # copied with it


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the file to write to, and the one to read from."""
    parser.addoption("--conformance-results", required=True, help="the file to write to")
    parser.addoption("--conformance-only", help="a file of stable node ids: run no other tests")


def pytest_configure(config: pytest.Config) -> None:
    """Begin with an empty file, so that one that is missing means that pytest never got here."""
    _results(config).write_text("", "utf-8")
    config.pluginmanager.register(_Writer(_results(config)), "conformance-writer")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the tests that are asked for, and all tests of a file that is asked for."""
    if (path := config.getoption("--conformance-only")) is None:
        return
    wanted = set(Path(str(path)).read_text("utf-8").splitlines())
    ids = [stable_id(item.nodeid) for item in items]
    chosen = [nodeid in wanted or nodeid.partition("::")[0] in wanted for nodeid in ids]
    dropped = [item for item, is_chosen in zip(items, chosen, strict=True) if not is_chosen]
    items[:] = [item for item, is_chosen in zip(items, chosen, strict=True) if is_chosen]
    config.hook.pytest_deselected(items=dropped)


def _results(config: pytest.Config) -> Path:
    return Path(str(config.getoption("--conformance-results")))


class _Writer:
    def __init__(self, path: Path) -> None:
        # Opened here and kept: a test may change the working directory, or run out of files.
        self._file = path.absolute().open("a", encoding="utf-8", buffering=1)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Write one phase (set-up, call, tear-down) of one test."""
        outcome = f"x{report.outcome}" if hasattr(report, "wasxfail") else report.outcome
        self._write(report.nodeid, report.when, outcome, _last_line(report))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Write a file that could not be collected."""
        if report.failed:
            self._write(report.nodeid, "collect", "failed", _last_line(report))

    def _write(self, nodeid: str, when: str | None, outcome: str, why: str) -> None:
        line = {"nodeid": nodeid, "when": when, "outcome": outcome, "why": why}
        self._file.write(json.dumps(line) + "\n")


def _last_line(report: pytest.TestReport | pytest.CollectReport) -> str:
    """Return the line of a failure that says most: what was raised, else the text's end."""
    if not report.failed:
        return ""
    crash = getattr(report.longrepr, "reprcrash", None)
    text = crash.message if crash is not None else str(report.longrepr)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return (lines[0] if crash is not None else lines[-1]) if lines else ""
