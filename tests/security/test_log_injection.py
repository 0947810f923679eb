"""A client writes no line of its own into a log, and nothing that a terminal acts on."""

from __future__ import annotations

import re

import pytest

from tests.security.ways import Server, Way

# Written in percent-encoding, with what an attacker means by it.
FORGERIES = {
    "a line": "%0aERROR%20in%20app:%20forged",
    "a return": "%0dforged",
    "both": "%0d%0aforged",
    "a colour": "%1b[31mred",
    "a title": "%1b]0;title%07",
    "a backspace": "%08%08%08",
    "a C1 control": "%c2%9b31m",
    "a next line": "%c2%85forged",
    "a line separator": "%e2%80%a8forged",
    "a change of direction": "%e2%80%aeforged",
    "a NUL": "%00",
    "a DEL": "%7f",
    "no UTF-8": "%ff%fe",
}
# The development server colours its own lines, and writes these two as they are.
OWN_COLOURS = re.compile(r"\x1b\[(?:0|1|3[0-7])m")
LEFT_BY_WERKZEUG = str.maketrans("", "", "\u2028\u202e")


def lines_of(log: str) -> list[str]:
    """Return the lines as a reader of the log takes them."""
    return OWN_COLOURS.sub("", log).split("\n")


def assert_clean(log: str, way: Way) -> None:
    for line in lines_of(log):
        if way.name == "development" and "HTTP/1.1" in line:
            line = line.translate(LEFT_BY_WERKZEUG)  # noqa: PLW2901  # only its access log
        assert line.isprintable(), repr(line)
        assert not line.lower().lstrip().startswith(("forged", "error in app: forged"))


@pytest.mark.parametrize("text", FORGERIES.values(), ids=FORGERIES)
def test_the_path_of_an_error_is_escaped(way: Way, text: str) -> None:
    answer = way.ask(f"/fail-at/{text}")
    assert answer.status == 500
    logged = [line for line in lines_of(answer.log) if "Exception on /fail-at/" in line]
    assert len(logged) == 1
    assert logged[0].endswith(" [GET]")
    assert_clean(answer.log, way)


def test_an_ordinary_path_is_logged_as_it_is(way: Way) -> None:
    assert "Exception on /fail-at/ä [GET]\n" in way.ask("/fail-at/%C3%A4").log


@pytest.mark.parametrize("text", FORGERIES.values(), ids=FORGERIES)
@pytest.mark.parametrize("target", ["/missing/{}", "/?{}", "/slash?a={}", "/static/{}"])
def test_an_access_log_is_one_line_for_each_request(server: Server, target: str, text: str) -> None:
    server.new_output()
    log = ""
    for asked in (target.format(text), "/pid"):
        one = server.ask(asked).log
        # It is written when the answer is on its way.
        log += one if "\n" in one else one + server.wait_for_output("\n")
    assert_clean(log, server)
    assert len([line for line in lines_of(log) if line]) == 2


@pytest.mark.parametrize("method", ["G\x1b[31mT", "GET\x0b", "X\x07", "\xff"])
def test_a_method_of_control_characters_is_escaped(server: Server, method: str) -> None:
    answer = server.ask("/fail-at/x", method)
    assert answer.status >= 400
    assert_clean(answer.log, server)


def test_the_method_of_an_error_is_escaped(environ_way: Way) -> None:
    answer = environ_way.ask("/fail-at/x", "X\x1b[31m")
    assert answer.status == 500
    assert_clean(answer.log, environ_way)


@pytest.mark.parametrize(
    "header", ["Host", "User-Agent", "Referer", "Cookie", "Authorization", "X-Forwarded-For"]
)
def test_no_header_reaches_the_log_raw(server: Server, header: str) -> None:
    for value in ("a\x1b[31mb", "a\x07b", "a\x85b", "a\x9bb"):
        assert_clean(server.ask("/fail-at/x", headers=[(header, value)]).log, server)
