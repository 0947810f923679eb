"""A rule matches whole segments, and a converter refuses what is none of its values."""

from __future__ import annotations

import pytest
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from kolben import Flask
from tests.security.ways import RAW, EnvironWay, Way, call, make_environ

DIGITS = 5_000


@pytest.mark.parametrize(
    "value",
    [
        "1" * DIGITS,
        "9" * 4_301,
        "-1",
        "+1",
        "1_0",
        "0x10",
        "1e3",
        "1.0",
        "%C2%B2",
        "1%0a",
        "%201",
        "1%20",
        "1%00",
        "",
    ],
    ids=lambda value: value[:10] or "empty",
)
def test_what_is_no_number_is_not_found(way: Way, value: str) -> None:
    assert way.ask(f"/int/{value}").status == 404


@pytest.mark.parametrize("value", ["1", "1.", ".1", "nan", "inf", "1e5", "1.0%0a", "1_0.0", "+1.0"])
def test_what_is_no_float_is_not_found(way: Way, value: str) -> None:
    assert way.ask(f"/float/{value}").status == 404


@pytest.mark.parametrize("value", ["1." + "0" * DIGITS, "1" * 400 + ".0", "0." + "1" * DIGITS])
def test_a_long_float_is_a_number_or_not_found(way: Way, value: str) -> None:
    assert way.ask(f"/float/{value}").status in {200, 404}


KEY = "12345678-1234-5678-1234-567812345678"


@pytest.mark.parametrize(
    "value",
    [KEY[:-1], KEY + "0", KEY.replace("-", ""), "{" + KEY + "}", KEY + "%0a", "urn:uuid:" + KEY],
)
def test_what_is_no_uuid_is_not_found(way: Way, value: str) -> None:
    assert way.ask(f"/uuid/{value}").status == 404


@pytest.mark.parametrize(
    "value", ["red%0a", "%0ared", "reda", "bred", "red%00", "red%20", "Red", "red|"]
)
def test_what_is_no_choice_is_not_found(way: Way, value: str) -> None:
    assert way.ask(f"/choice/{value}").status == 404


@pytest.mark.parametrize("value", ["abcd", "abc%0a", "%E2%82%AC" * 4, ""])
def test_what_is_too_long_is_not_found(way: Way, value: str) -> None:
    assert way.ask(f"/short/{value}").status == 404


def test_the_values_themselves_are_found(way: Way) -> None:
    for target in ("/int/12", "/float/1.5", f"/uuid/{KEY}", "/choice/red", "/short/abc"):
        assert way.ask(target).status == 200


# A part of an app that is closed to some.

SAME = [
    "/private/",
    "/private/page",
    "/private/page/",
    "//private/page",
    "/private//page",
    "/%70rivate/page",
    "/private/%70age",
    "/private%2fpage",
    "/private/page%0a",
    "/private/page%00",
    "/private/x/../page",
    "/private/./page",
    "/private/page?x",
    "/private/page;x",
]
OTHER = [
    "/privatex",
    "/private%0a",
    "/private%00",
    "/private%20",
    "/Private/page",
    "/xprivate/page",
]


@pytest.mark.parametrize("way", RAW, indirect=True)
@pytest.mark.parametrize("target", SAME)
def test_no_spelling_of_a_closed_page_is_open(way: Way, target: str) -> None:
    """Each leads to the guard, to its redirect, or nowhere."""
    for method in ("GET", "HEAD", "POST", "OPTIONS", "get", "X"):
        answer = way.ask(target, method)
        assert b"the private page" not in answer.body
        assert answer.status in {400, 403, 404, 405, 308, 501}


@pytest.mark.parametrize("way", RAW, indirect=True)
@pytest.mark.parametrize("target", OTHER)
def test_a_name_that_is_only_alike_is_not_found(way: Way, target: str) -> None:
    assert way.ask(target).status == 404


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_guard_answers_the_page_itself(way: Way, method: str) -> None:
    assert way.ask("/private/page", method).status == 403


@pytest.mark.parametrize("end", ["%0a", "%0d", "%00", "%20", "%09", "%0b", "%c2%85", "%e2%80%a8"])
@pytest.mark.parametrize("start", ["/", "/pid", "/external"])
def test_a_space_at_the_end_is_another_path(way: Way, start: str, end: str) -> None:
    assert way.ask(start + end).status == 404


@pytest.mark.parametrize(
    ("target", "root", "path"),
    [
        ("/app/external", "/app", "/external"),
        ("/appX/external", None, None),
        ("/app%2fexternal", "/app", "/external"),
        ("/app/app/external", None, None),
        ("/App/external", None, None),
    ],
)
def test_a_mounted_app_has_its_own_segment(
    app: Flask, target: str, root: str | None, path: str | None
) -> None:
    mounted = DispatcherMiddleware(Flask("outer", static_folder=None), {"/app": app})
    answer = call(mounted, make_environ(target, headers=[("Host", "localhost")]))
    if root is None:
        assert answer.status == 404
    else:
        assert (answer.json["root"], answer.json["path"]) == (root, path)
        assert answer.json["url"] == f"http://localhost{root}/"


# Bytes that are no text.


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("%ff", "\ufffd"),
        ("%c0%af", "\ufffd\ufffd"),
        ("%ed%a0%80", "\ufffd\ufffd\ufffd"),
        ("%e2%82", "\ufffd"),
        ("%00", "\0"),
        ("%0a", "\n"),
        ("%", "%"),
        ("%zz", "%zz"),
        ("%e", "%e"),
        ("%25ff", "%ff"),
        ("%u0041", "%u0041"),
        ("%2e%2e", ".."),
    ],
)
def test_a_path_is_text_whatever_its_bytes(way: Way, raw: str, text: str) -> None:
    answer = way.ask(f"/path/{raw}")
    assert (answer.status, answer.text) == (200, repr((text, f"/path/{text}")))


def test_a_path_of_100_000_segments_is_answered(environ_way: EnvironWay) -> None:
    for target in (
        "/a" * 100_000,
        "/" * 100_000,
        "/path" + "/a" * 100_000,
        "/int/" + "1/" * 50_000,
    ):
        assert environ_way.ask(target).status in {200, 308, 404}
