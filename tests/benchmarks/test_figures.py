"""The figures on the pages are those in benchmarks/results/."""

from __future__ import annotations

import pytest

from benchmarks.figures import (
    CHARTS,
    CHECKOUT,
    PAGES,
    blocks,
    filled,
    one_request,
    outdated,
    results,
    table,
)
from benchmarks.turns import RESULTS

HTTP = {
    "machine": {
        "implementation": "CPython",
        "python": "3.13.0",
        "system": "Linux",
        "cores": 2,
        "processor": "a processor",
    },
    "rounds": 3,
    "seconds": 2,
    "missing": {"robyn": "its environment is not there"},
    "sides": {
        "kolben-rsgi": {
            "command": "kolben serve",
            "versions": {"kolben": "1.0"},
            "note": "a note",
        },
        "sanic": {"command": "sanic app", "versions": {"sanic": "25.12"}, "note": ""},
    },
    "rows": [
        {
            "workload": "text",
            "connections": connections,
            "sides": {
                name: {
                    "requests_per_s": rate,
                    "cpu_us": 40.0,
                    "p50_ms": 1.5,
                    "p99_ms": 3.25,
                    "errors": 0,
                    "memory_mb": 40.0,
                }
                for name, rate in (("sanic", 9000), ("kolben-rsgi", 20000 + connections))
            },
        }
        for connections in (32, 256)
    ],
}


def test_the_pages_have_the_figures_that_were_measured() -> None:
    """Else: python -m benchmarks.figures."""
    assert list(outdated(results())) == []


def test_there_is_no_chart_of_what_was_not_measured() -> None:
    drawn = {file.stem for file in RESULTS.glob("*.svg")}
    assert drawn == {name for name in CHARTS if name in blocks(results())}


def test_every_block_is_on_a_page() -> None:
    text = "".join((CHECKOUT / page).read_text("utf-8") for page in PAGES)
    for name in (*blocks(results()), *blocks({"http": HTTP})):
        assert text.count(f"<!-- figures: {name} -->\n") == 1


def test_a_block_is_filled_and_the_rest_left_alone() -> None:
    page = "before\n<!-- figures: one -->\nold\n<!-- /figures -->\nafter\n"
    new = "before\n<!-- figures: one -->\nnew\n<!-- /figures -->\nafter\n"
    assert filled(page, {"one": "new\n", "two": "x"}) == new


def test_a_block_without_figures_says_so() -> None:
    page = "<!-- figures: one -->\n5\n<!-- /figures -->"
    assert filled(page, {}) == "<!-- figures: one -->\nNot measured yet.\n<!-- /figures -->"


def test_a_table_has_its_figures_to_the_right() -> None:
    written = table(["µs", "Flask"], [["text", 1234.5], ["JSON", None]])
    assert written == "| µs | Flask |\n| --- | ---: |\n| text | 1,234.5 |\n| JSON | - |\n"


def test_parts_that_take_the_same_stand_by_name() -> None:
    parts = {f"{name}.py": 1.0 for name in "hgfedcba"}
    written = one_request({"rows": [{"workload": "text", "us": 8.0, "parts": parts}], "about": {}})
    cells = [line.split(" | ")[0] for line in written.splitlines()[2:10]]
    assert cells == [f"| {name}.py" for name in "abcdefgh"]


def test_servers_are_ranked_and_told_how_they_start() -> None:
    written = blocks({"http": HTTP})
    throughput = written["http-throughput"]
    assert throughput.index("| kolben-rsgi | 20,032 |") < throughput.index("| sanic | 9,000 |")
    assert "256: requests/s" in written["http-text"]
    assert written["http-wait"].endswith("Not measured yet.\n")
    assert "- kolben-rsgi: `kolben serve` (kolben 1.0). A note.\n" in written["http-sides"]
    assert "- robyn is not there: its environment is not there.\n" in written["http-sides"]


@pytest.mark.parametrize("page", PAGES)
def test_blocks_are_closed(page: str) -> None:
    text = (CHECKOUT / page).read_text("utf-8")
    assert text.count("<!-- figures: ") == text.count("<!-- /figures -->")
