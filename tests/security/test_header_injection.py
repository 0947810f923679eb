"""Nothing that an app puts into a response ends a header or begins another one."""

from __future__ import annotations

import pytest
from werkzeug.http import parse_options_header

from tests.security.ways import Answer, Way

VIEWS = ["header", "raw-header", "headers-in-tuple", "streamed-header"]
BREAKS = ["\r\n", "\r", "\n", "\n\r", "\r\n\r\n", "\0", "\x00\r\n"]


def assert_refused(answer: Answer) -> None:
    """It is a plain 500, nothing of it came through, and the log says where it was tried."""
    assert answer.status == 500
    assert (answer.all("X-Injected"), answer.all("X-A")) == ([], [])
    assert b"X-Injected" not in answer.body
    assert b"Traceback" not in answer.body
    assert "ValueError" in answer.log


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("end", BREAKS)
def test_a_value_does_not_end_its_line(way: Way, view: str, end: str) -> None:
    assert_refused(way.post_json(f"/{view}", [["X-A", f"a{end}X-Injected: b"]]))


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("end", [*BREAKS, ":", " ", "\t", ""])
def test_a_name_is_a_token(way: Way, view: str, end: str) -> None:
    name = f"X-A{end}X-Injected" if end else ""
    assert_refused(way.post_json(f"/{view}", [[name, "b"]]))


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("value", ["\x01", "\x0b", "\x1b[31m", "\x1f", "\x7f", "\u20ac", "\ud800"])
def test_a_value_is_made_of_characters_that_can_be_sent(way: Way, view: str, value: str) -> None:
    """Servers drop such a header without a word, or the whole connection."""
    assert_refused(way.post_json(f"/{view}", [["X-A", value]]))


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("value", ["a", "a\tb", "\x80\xff", "x" * 8_000, "", " !~"])
def test_what_can_be_sent_is_sent(way: Way, view: str, value: str) -> None:
    answer = way.post_json(f"/{view}", [["X-A", value]])
    assert answer.status == 200
    assert len(answer.all("X-A")) == 1


@pytest.mark.parametrize("view", VIEWS)
def test_the_log_names_the_view(way: Way, view: str) -> None:
    answer = way.post_json(f"/{view}", [["X A", "b"]])
    assert answer.status == 500
    assert repr(view.replace("-", "_")) in answer.log


@pytest.mark.parametrize("end", BREAKS)
@pytest.mark.parametrize(
    "start", ["/", "//localhost/", "http://localhost/", "http://localhost/\u20ac"]
)
def test_a_redirect_does_not_end_its_line(way: Way, start: str, end: str) -> None:
    answer = way.post_json("/redirect", f"{start}a{end}X-Injected: b")
    assert_refused(answer)
    assert answer.all("Location") == []


@pytest.mark.parametrize(
    ("location", "sent"),
    [
        ("/a", "/a"),
        ("/a?b=c#d", "/a?b=c#d"),
        ("/\u20ac", "/%E2%82%AC"),
        ("/a b", "/a%20b"),
        ("http://b\u00fccher.example/\u00e4", "http://xn--bcher-kva.example/%C3%A4"),
        ("/%0d%0aX-Injected:%20b", "/%0d%0aX-Injected:%20b"),
    ],
)
def test_a_redirect_is_in_ascii(way: Way, location: str, sent: str) -> None:
    answer = way.post_json("/redirect", location)
    assert (answer.status, answer.one("Location")) == (302, sent)
    assert answer.all("X-Injected") == []


def test_a_redirects_page_shows_its_target_escaped(way: Way) -> None:
    answer = way.post_json("/redirect", '/"><script>alert(1)</script>')
    assert "<script>" not in answer.text


@pytest.mark.parametrize("end", BREAKS)
def test_the_name_of_a_download_does_not_end_its_line(way: Way, end: str) -> None:
    answer = way.post_json("/download", f"a{end}X-Injected: b")
    assert_refused(answer)
    assert answer.all("Content-Disposition") == []


@pytest.mark.parametrize(
    "name",
    [
        'a"; filename="evil.exe',
        "a\\",
        'a\\"b',
        "a;b",
        "a=b",
        "\u20ac.txt",
        "'",
        "a\tb",
    ],
)
def test_the_name_of_a_download_is_one_parameter(way: Way, name: str) -> None:
    answer = way.post_json("/download", name)
    value = answer.one("Content-Disposition")
    assert value is not None
    kind, parameters = parse_options_header(value)
    assert kind == "attachment"
    assert set(parameters) == {"filename"}
    assert parameters["filename"] == name


@pytest.mark.parametrize("end", BREAKS)
@pytest.mark.parametrize("how", ["tuple", "class", "stream", "attribute", "hidden"])
def test_a_reason_does_not_end_its_line(way: Way, how: str, end: str) -> None:
    assert_refused(way.post_json(f"/status?way={how}", f"200 a{end}X-Injected: b"))


@pytest.mark.parametrize("start", ["/path/", "/slash", "/slash?", "/missing", "/session/"])
@pytest.mark.parametrize("end", ["%0d%0a", "%0a", "%0d", "%00", "%0d%0a%0d%0a"])
def test_no_part_of_a_target_becomes_a_header(way: Way, start: str, end: str) -> None:
    answer = way.ask(f"{start}{end}X-Injected:%20b")
    assert answer.status < 500
    assert answer.all("X-Injected") == []
