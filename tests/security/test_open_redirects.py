"""A redirect that the routing makes stays on the host that was asked."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

import pytest

from tests.security.ways import RAW, EnvironWay, Way

# What a browser could take for another host.
STARTS = [
    "//evil.example",
    "///evil.example",
    "////evil.example",
    "/%2f%2fevil.example",
    "/%2fevil.example",
    "//%2fevil.example",
    "/\\evil.example",
    "/%5cevil.example",
    "/%5c%5cevil.example",
    "//%5cevil.example",
    "/%09/evil.example",
    "/%0d%0aevil.example",
    "/%00/evil.example",
    "//evil.example%2f",
    "//evil.example@localhost",
    "//localhost@evil.example",
    "//evil.example%23",
    "//evil.example%3f",
    "/http:evil.example",
    "/http:%2f%2fevil.example",
    "/.evil.example",
    "//%E3%80%82evil.example",
    "/javascript:alert(1)",
]
OWN = {"localhost", ""}


@pytest.mark.parametrize("way", RAW, indirect=True)
@pytest.mark.parametrize("start", STARTS)
def test_a_missing_slash_is_added_on_this_host(way: Way, start: str) -> None:
    answer = way.ask(f"{start}/deep")
    assert answer.status in {308, 404, 400}
    if answer.status == 308:
        location = answer.one("Location")
        assert location is not None
        assert host_of(location) in OWN
        assert not location.startswith(("//", "/\\", "\\"))


def test_there_are_redirects_among_these(environ_way: EnvironWay) -> None:
    followed = [start for start in STARTS if environ_way.ask(f"{start}/deep").status == 308]
    assert len(followed) > len(STARTS) / 2


@pytest.mark.parametrize("way", RAW, indirect=True)
@pytest.mark.parametrize("target", ["//evil.example//slash", "//slash", "///slash", "//slash//"])
def test_doubled_slashes_are_merged_on_this_host(way: Way, target: str) -> None:
    location = way.ask(target).one("Location")
    assert location is None or host_of(location) in OWN


QUERIES = ["a=b", "//evil.example", "@evil.example", "a=%0d%0aX-B:%20c", "%00", "%ff", "#x", "?"]


@pytest.mark.parametrize("query", QUERIES)
def test_the_query_is_kept_and_adds_nothing(way: Way, query: str) -> None:
    answer = way.ask(f"/slash?{query}")
    assert answer.status == 308
    location = answer.one("Location")
    assert location is not None
    assert urlsplit(location).path == "/slash/"
    assert host_of(location) in OWN
    assert answer.all("X-B") == []


@pytest.mark.parametrize("query", ["\xff", "\xe2\x82", "a=\x00", "\x1b[31m", "\x7f", "<>", "a b"])
def test_a_query_in_raw_bytes_redirects_too(environ_way: EnvironWay, query: str) -> None:
    answer = environ_way.ask(f"/slash?{query}")
    location = answer.one("Location")
    assert answer.status == 308
    assert location is not None
    assert location.isascii()
    assert location.isprintable()


def host_of(location: str) -> str:
    """Return the host that a browser would go to, which takes a backslash for a slash."""
    there = urljoin("http://localhost/here", location.replace("\\", "/"))
    return urlsplit(there).hostname or ""
