"""Run the tests, and the type checkers, on each Python that is installed: `nox`.

`nox -s tests-3.14` takes one of them; arguments after `--` are pytest's. A Python that is not
there is left out and named.
"""

from __future__ import annotations

import nox

PYTHONS = ["3.11", "3.12", "3.13", "3.14", "3.15", "pypy3.11"]
# Its language is what Kolben's stubs and annotations must be right for too.
NEWEST = "3.15"

nox.options.error_on_missing_interpreters = False
nox.options.sessions = ["tests", "types"]


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the suite, or what is named after `--`; a browser is driven on the main Python alone."""
    session.install("--editable", ".[test]")
    session.run("python", "-m", "pytest", *(session.posargs or ("--ignore=tests/browser",)))


@nox.session(python=NEWEST)
def types(session: nox.Session) -> None:
    """Check the types as the newest Python's users have them."""
    session.install("--editable", ".[dev]")
    session.run("mypy", f"--python-version={NEWEST}")
    session.run("pyright", f"--pythonversion={NEWEST}", "--pythonpath", f"{session.bin}/python")
