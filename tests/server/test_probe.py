"""The doctor in the server's place: what arrives there through a proxy is judged."""

from __future__ import annotations

import email.utils
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from kolben.server.checks import Finding
from kolben.server.probe import FORGED, Seen, check_url, judge_request
from kolben.server.settings import Settings

SETTINGS = Settings("shop")
URL = "https://shop.example"
SET = {"host": "shop.example", "x-forwarded-for": "10.9.9.9", "x-forwarded-proto": "https"}
TRUSTED = {"trust_proxy": ("10.0.0.0/8",)}


def verdicts(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(one.check, one.verdict.value) for one in findings]


@pytest.mark.parametrize(
    ("settings", "peer", "headers", "expected"),
    [
        ({}, "10.1.1.1", {}, [("proxy headers", "problem")]),
        (TRUSTED, "10.1.1.1", {}, [("proxy headers", "ok")]),
        (TRUSTED, "192.168.1.1", {}, [("proxy headers", "problem")]),
        ({"trust_proxy": ("unix",)}, "", {}, [("proxy headers", "ok")]),
        (TRUSTED, "10.1.1.1", {"x-forwarded-proto": None}, [("proxy headers", "warning")]),
        (
            TRUSTED,
            "10.1.1.1",
            {"x-forwarded-proto": FORGED["proto"]},
            [("proxy headers", "problem")],
        ),
        (
            TRUSTED,
            "10.1.1.1",
            {"host": "127.0.0.1:8000"},
            [("proxy headers", "ok"), ("host", "warning")],
        ),
        (
            {**TRUSTED, "proxy_headers": ("for", "host")},
            "10.1.1.1",
            {"host": "127.0.0.1:8000", "x-forwarded-host": "shop.example"},
            [("proxy headers", "ok")],
        ),
        (
            {},
            "10.1.1.1",
            {"x-forwarded-for": None, "x-forwarded-proto": None},
            [("proxy headers", "ok")],
        ),
    ],
    ids=[
        "not believed",
        "believed",
        "another address",
        "a Unix socket",
        "a header missing",
        "a client's own header",
        "another Host",
        "the Host in a header",
        "no proxy",
    ],
)
def test_what_arrives_is_judged(
    settings: dict[str, Any], peer: str, headers: dict[str, str | None], expected: list[Any]
) -> None:
    arrived = {name: value for name, value in {**SET, **headers}.items() if value is not None}
    found = list(judge_request(URL, Seen(peer, arrived), replace(SETTINGS, **settings)))
    assert expected == verdicts(found)
    assert all(bool(one.cure) == (one.verdict.value != "ok") for one in found)


@contextmanager
def answering(port: int, status: int, date: str | None = None) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response_only(status)
            self.send_header("Date", date or self.date_time_string())
            self.end_headers()

        def log_message(self, *args: object) -> None: ...

    with HTTPServer(("127.0.0.1", port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield
        server.shutdown()
        thread.join()


def test_without_a_proxy_a_request_comes_as_it_was_sent(free_port: int) -> None:
    settings = replace(SETTINGS, port=free_port)
    url = f"http://127.0.0.1:{free_port}"
    assert [("proxy headers", "ok")] == verdicts(check_url(url, settings))
    # Whoever believes a client that stands in no proxy's place is told.
    believing = replace(settings, trust_proxy=("127.0.0.1",))
    (problem, missing) = check_url(url, believing)
    assert "passes on a client's own X-Forwarded-Proto" in problem.reason
    assert "does not send X-Forwarded-For" in missing.reason


def test_an_address_that_leads_elsewhere_is_a_problem(free_port: int) -> None:
    (found,) = check_url("http://127.0.0.1:1/", replace(SETTINGS, port=free_port))
    assert ("public address", "problem") == (found.check, found.verdict.value)
    assert "Connection refused" in found.reason
    (found,) = check_url("nowhere", replace(SETTINGS, port=free_port))
    assert "it is no URL" in found.reason


@pytest.mark.parametrize(
    ("status", "date", "expected"),
    [
        (404, None, [("public address", "ok")]),
        (502, None, [("public address", "problem")]),
        (200, email.utils.formatdate(0), [("public address", "ok"), ("clocks", "warning")]),
    ],
    ids=["any answer", "a bad gateway", "another time"],
)
def test_of_a_running_server_the_answer_is_judged(
    free_port: int, status: int, date: str | None, expected: list[Any]
) -> None:
    settings = replace(SETTINGS, port=free_port)
    with answering(free_port, status, date):
        assert expected == verdicts(check_url(f"http://127.0.0.1:{free_port}", settings))


def test_over_tls_the_doctor_takes_nobodys_place(free_port: int) -> None:
    settings = replace(SETTINGS, port=free_port, tls_certificate="cert.pem")
    (found,) = check_url(URL, settings)
    assert ("public address", "warning") == (found.check, found.verdict.value)
