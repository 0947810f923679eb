"""`kolben doctor`: its page, its JSON and its exit code."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

pytestmark = pytest.mark.slow

GOOD = """\
from kolben import Flask

app = Flask(__name__)
app.config.update(
    SECRET_KEY="3e5a7b0c8f1d4d2a9e6b5c4f7a8d9e0b",
    SESSION_COOKIE_SECURE=True,
    TRUSTED_HOSTS=["shop.example"],
    MAX_CONTENT_LENGTH=1024,
)
"""


def test_an_app_without_a_problem_ends_well(kolben: Callable[..., str]) -> None:
    found = json.loads(kolben(GOOD, "doctor", "--json"))["findings"]
    verdicts = {one["check"]: one["verdict"] for one in found}
    expected = {"debug mode": "ok", "secret key": "ok", "proxies": "ok"}
    assert expected == {name: verdicts[name] for name in expected}
    assert {"session cookie", "hosts", "bodies"}.isdisjoint(verdicts)
    assert "problem" not in verdicts.values()


def test_a_problem_has_its_cure_and_ends_with_an_error(kolben: Callable[..., str]) -> None:
    source = GOOD.replace('"3e5a7b0c8f1d4d2a9e6b5c4f7a8d9e0b"', "__import__('os').urandom(16)")
    page = kolben(source, "doctor", fails=True, KOLBEN_DEBUG="1", KOLBEN_SERVE_WORKERS="99")
    rows = re.findall(r"^(ok|warning|problem)\s+(\S.*?)  +\S", page, re.MULTILINE)
    assert {("problem", "debug mode"), ("problem", "secret key"), ("warning", "cores")} <= set(rows)
    assert "→ Unset KOLBEN_DEBUG and FLASK_DEBUG" in page
    assert re.search(r"\n\n2 problems, \d+ warnings?, \d+ ok\n", page)
    assert max(map(len, page.splitlines())) <= 92


def test_the_public_address_is_looked_at_too(kolben: Callable[..., str], free_port: int) -> None:
    url = f"http://127.0.0.1:{free_port}"
    page = kolben(GOOD, "doctor", "--url", url, "--port", str(free_port))
    assert "None come, and none are believed." in page


def test_an_app_that_does_not_load_is_told_as_such(kolben: Callable[..., str]) -> None:
    assert "ZeroDivisionError" in kolben("1 / 0", "doctor", fails=True)
