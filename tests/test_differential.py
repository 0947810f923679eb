"""Kolben answers the requests of conformance/differential as Flask 3.1.3 was recorded to do."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlunsplit

import pytest

from tests.interpreters import IS_PYPY

CHECKOUT = Path(__file__).parents[1]
RECORD = CHECKOUT / "conformance" / "differential" / "recorded.json"

# Newer Pythons write a URL without a host in another way, and so the real Flask answers these in
# another way there: `python -m conformance differential --check-record` names them.
IS_RECORDED_PYTHON = urlunsplit(("http", "", "//mount/", "", "")) == "http://mount/"
OF_PYTHON = {
    "environs/client /path",
    "environs/client http:///path",
    "environs/client http:///path/",
    "environs/main /branch empty, mounted",
}
# PyPy words errors in JSON in another way, and frees an iterable that was not read to its end
# later. The real Flask on PyPy answers each of these as Kolben does there.
OF_PYPY = {
    "debug_mode/json broken",
    "debug_mode/kept json broken",
    "ends/HEAD /k/wsgi seen",
    "ends/first GET /k/iterable seen",
    "ends/first GET /k/iterable-close-fails seen",
    "ends/unread GET /k/wsgi seen",
    "json_data/debug broken",
    "json_data/debug empty",
}

Verdict = dict[str, list[str]]


def recorded_subjects() -> list[str]:
    """List the tables of the record; a name of the record is `table/request`."""
    answers = json.loads(RECORD.read_text("utf-8"))["answers"]
    return sorted({name.partition("/")[0] for name in answers})


@pytest.fixture(scope="module")
def verdict(tmp_path_factory: pytest.TempPathFactory) -> Verdict:
    """Send all requests, in a process of their own, and tell what is wrong with each answer."""
    target = tmp_path_factory.mktemp("differential") / "verdict.json"
    command = [sys.executable, "-m", "conformance.differential", "--verdict", str(target)]
    done = subprocess.run(
        command, cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=300
    )
    assert target.exists(), done.stderr
    found: Verdict = json.loads(target.read_text("utf-8"))
    return found


@pytest.mark.parametrize("subject", recorded_subjects())
def test_answers_equal_those_of_flask(verdict: Verdict, subject: str) -> None:
    left_out = (set() if IS_RECORDED_PYTHON else OF_PYTHON) | (OF_PYPY if IS_PYPY else set())
    wrong = {
        k: v for k, v in verdict.items() if k.startswith(f"{subject}/") and v and k not in left_out
    }
    assert not wrong, json.dumps(wrong, indent=1, ensure_ascii=False)


def test_kept_differences_name_requests_that_exist(verdict: Verdict) -> None:
    assert [name for name in verdict if name.startswith("kept.toml/")] == []
