"""The matrix has the extensions that are used most, and the manual shows what it found."""

from __future__ import annotations

import subprocess

import pytest

from tests.extensions.packages import SERVED, version_of
from tests.extensions.served.asking import Asking
from tests.extensions.served.declared import APPS, Declared, read_apps
from tests.extensions.served.table import PAGE, WAYS, Row, format_table, rows_of_page

# The extensions that are used most, each under the name of its package.
MOST_USED = """
flask-sqlalchemy flask-migrate flask-login flask-wtf flask-admin flask-security
flask-jwt-extended flask-caching flask-limiter flask-session flask-mail flask-babel
flask-cors flask-restx flask-smorest apiflask flask-openapi3 flask-socketio flask-sock
flask-compress flask-talisman flask-debugtoolbar flask-assets flask-httpauth flask-dance
flask-marshmallow flask-appbuilder flasgger celery sentry-sdk
opentelemetry-instrumentation-flask prometheus-flask-exporter
""".split()


def test_each_extension_that_is_used_most_has_an_app() -> None:
    assert sorted(MOST_USED) == sorted(app.package for app in read_apps())
    assert len(read_apps()) == len([*APPS.glob("*.py")])


@pytest.mark.parametrize("declared", read_apps(), ids=lambda app: app.name)
def test_the_page_shows_each_app_at_its_version_and_no_difference(declared: Declared) -> None:
    cells = [cell.strip() for cell in rows_of_page()[declared.package].strip("|").split("|")]
    name, shows, answers, *found = cells
    assert (f"{declared.package} {version_of(declared.package)}", declared.shows) == (name, shows)
    assert int(answers) >= len(declared.ask)
    assert ["same"] * len(WAYS) == found


def test_the_page_is_in_the_manual() -> None:
    assert "(extensions.md)" in PAGE.with_name("index.md").read_text("utf-8")


def test_each_package_has_one_version() -> None:
    names = [pin.partition("==")[0] for pin in SERVED]
    assert len(names) == len(set(names))


def test_a_row_is_well_only_if_every_way_gave_the_same() -> None:
    row = Row("flask-x 1", "all", 3, dict.fromkeys(WAYS, True))
    assert row.is_well
    row.cells[WAYS[0]] = False
    assert not row.is_well
    assert not Row("flask-y 1", "nothing was asked").is_well
    assert "| flask-x 1 | all | 3 | **differs** | same |" in format_table([row])


def test_what_differs_at_each_run_is_left_out_and_nothing_else() -> None:
    def run(command: str) -> subprocess.CompletedProcess[str]:
        printed = f"{command} at 8123, 81230, Mon, 30 Nov 2026 13:12:30 GMT, eyJhIjoxfQ.aVx.short\n"
        return subprocess.CompletedProcess(command, 0, printed, "")

    declared = Declared(APPS / "x.py", "x", "x", [{"run": "say {word} {port}"}], random=[r"sec\w+"])
    known = {"port": "8123", "beside": "9", "folder": "/tmp/x", "prefix": "p1", "word": "secret"}
    assert ["say … port: 0\nsay … port at port, 81230, …, eyJhIjoxfQ.aVx.short\n"] == Asking(
        declared, known, run
    ).answers()
