"""Tests of conformance/differential: what counts as a difference, and what is normalised."""

from __future__ import annotations

import io
import time
from email.utils import formatdate
from typing import Any

import pytest

from conformance.differential import normalise
from conformance.differential.ask import Ask, Signed, multipart
from conformance.differential.compare import Kept, differences, judge, read_kept
from conformance.differential.driver import Jars, call, make_environ

ANSWER = {"status": "200 OK", "headers": [["X-A", "1"], ["X-A", "2"]], "body": "text"}
KEPT = Kept(("a/b",), ("status",), "why", "500 INTERNAL SERVER ERROR")


def changed(**parts: Any) -> dict[str, Any]:
    return {**ANSWER, **parts}


def parts_that_differ(**parts: Any) -> list[str]:
    return [difference.part for difference in differences(ANSWER, changed(**parts))]


def test_equal_answers_have_no_difference() -> None:
    assert differences(ANSWER, dict(ANSWER)) == []


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"status": "201 CREATED"}, ["status"]),
        ({"body": "other"}, ["body"]),
        ({"headers": [["X-A", "2"], ["X-A", "1"]]}, ["header x-a"]),
        ({"headers": [["X-A", "1"]]}, ["header x-a"]),
        ({"headers": [["x-a", "1"], ["x-a", "2"]]}, ["header x-a"]),
        ({"headers": [["X-A", "1"], ["X-A", "2"], ["X-B", ""]]}, ["header x-b"]),
        ({"raised": "KeyError"}, ["raised"]),
        ({"log": ["ERROR app"]}, ["log"]),
    ],
    ids=["status", "body", "order", "duplicate", "case", "another header", "raised", "log"],
)
def test_a_difference_is_named_by_its_part(parts: dict[str, Any], expected: list[str]) -> None:
    assert parts_that_differ(**parts) == expected


def test_an_unkept_difference_is_a_fault() -> None:
    verdict = judge({"a/b": ANSWER}, {"a/b": changed(status="201 CREATED")}, [])
    assert verdict == {"a/b": ['status: Flask "200 OK" | Kolben "201 CREATED"']}


def test_a_kept_difference_is_no_fault() -> None:
    live = changed(status="500 INTERNAL SERVER ERROR")
    assert judge({"a/b": ANSWER}, {"a/b": live}, [KEPT]) == {"a/b": []}


def test_a_kept_difference_that_is_gone_is_a_fault() -> None:
    faults = judge({"a/b": ANSWER}, {"a/b": ANSWER}, [KEPT])["a/b"]
    assert faults[0] == "status: kept as a difference, but equal now"


def test_a_kept_difference_with_another_status_is_a_fault() -> None:
    live = changed(status="404 NOT FOUND")
    faults = judge({"a/b": ANSWER}, {"a/b": live}, [KEPT])["a/b"]
    assert faults == ["status: '404 NOT FOUND', kept as '500 INTERNAL SERVER ERROR'"]


def test_a_body_that_is_kept_may_differ_in_length() -> None:
    kept = Kept(("a/b",), ("body",), "why")
    flask, kolben = (
        {"body": body, "headers": [["Content-Length", str(len(body))]]} for body in ("a", "ab")
    )
    assert judge({"a/b": flask}, {"a/b": kolben}, [kept]) == {"a/b": []}


def test_a_request_that_only_one_side_knows_is_a_fault() -> None:
    verdict = judge({"a/b": ANSWER}, {"a/c": ANSWER}, [])
    assert verdict == {
        "a/b": ["The request is only recorded. Record again: --record"],
        "a/c": ["The request is only sent. Record again: --record"],
    }


def test_a_kept_name_without_a_request_is_a_fault() -> None:
    assert judge({}, {}, [KEPT]) == {"kept.toml/a/b": ["No request is named so."]}


def test_every_kept_difference_has_a_reason() -> None:
    assert all(len(entry.reason) > 20 and entry.parts for entry in read_kept())


@pytest.mark.parametrize(
    ("signed", "expected"),
    [
        (Signed({"a": 1}), '<key=new {"a":1}>'),
        (Signed({"a": 1}, key="older"), '<key=older {"a":1}>'),
        (Signed({"a": "x" * 400}), f'<key=new packed {{"a":"{"x" * 400}"}}>'),
        (Signed({}, age_s=1000), "<key=new aged 1000s {}>"),
    ],
    ids=["new", "older", "packed", "aged"],
)
def test_a_session_cookie_is_written_as_key_and_payload(signed: Signed, expected: str) -> None:
    cookie = f"session={normalise.sign(signed)}; HttpOnly"
    assert normalise.header("Set-Cookie", cookie) == f"session={expected}; HttpOnly"


def test_a_cookie_that_no_known_key_signed_stays_as_it_is() -> None:
    cookie = f"session={normalise.sign(Signed({'a': 1}, spoil='signature'))}"
    assert normalise.header("Set-Cookie", cookie) == cookie


def test_dates_are_counted_from_now_unless_they_are_fixed() -> None:
    soon = formatdate(time.time() + 61, usegmt=True)
    assert normalise.header("Expires", soon) == "<now+60s>"
    fixed = "Thu, 01 Jan 1970 00:00:00 GMT"
    assert normalise.header("Expires", fixed) == fixed


def test_the_etag_of_a_fixture_file_names_the_file() -> None:
    assert normalise.header("ETag", normalise.etag("static/a.txt")) == (
        '"1700000000.0-7-static/a.txt"'
    )


def test_odd_bytes_of_a_target_arrive_as_pep_3333_wants_them() -> None:
    environ = make_environ(Ask("odd", "/%ff\u00fc%00?a=\u00fc%zz"), Jars())
    assert environ["PATH_INFO"] == "/\xff\xc3\xbc\x00"
    assert environ["QUERY_STRING"] == "a=\xc3\xbc%zz"


def test_repeated_headers_are_joined_as_a_server_joins_them() -> None:
    pairs = [("X-A", "1"), ("x-a", "2"), ("Cookie", "a=1"), ("Cookie", "b=2")]
    environ = make_environ(Ask("repeated", "/", headers=pairs), Jars())
    assert (environ["HTTP_X_A"], environ["HTTP_COOKIE"]) == ("1,2", "a=1; b=2")


def test_a_body_without_its_end_has_none() -> None:
    request = multipart("cut", "/", b"part", end=False)
    assert make_environ(request, Jars())["wsgi.input"].read() == b"--cut\r\npart\r\n"


def test_a_failing_stream_is_recorded_with_what_it_gave() -> None:
    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [("X-A", "1")])
        yield b"given"
        raise ZeroDivisionError

    answer = call(app, Ask("failing", "/"), Jars())
    assert answer == {
        "status": "200 OK",
        "headers": [["X-A", "1"]],
        "body": "given",
        "raised": "ZeroDivisionError",
        "started": "outside of a request",
    }


def test_the_iterable_of_an_app_is_closed() -> None:
    body = io.BytesIO(b"line\n")

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        return body

    call(app, Ask("closed", "/"), Jars())
    assert body.closed
