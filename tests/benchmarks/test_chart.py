"""What a chart shows is what was measured."""

from __future__ import annotations

import re
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest

from benchmarks.chart import Panel, bar_chart, line_chart

SVG = "{http://www.w3.org/2000/svg}"
PANELS = [
    Panel("text", {"Flask": 60.0, "Falcon": 4.25, "Kolben": 6.5}),
    Panel("session", {"Flask": 120.0, "Falcon": "none", "Kolben": 30.0}),
    Panel("a < b & c", {"Flask": 1.0}),
]


def words(svg: str) -> list[str]:
    return [text.text or "" for text in ET.fromstring(svg).iter(f"{SVG}text")]


def bars(svg: str) -> list[float]:
    found = ET.fromstring(svg).iter(f"{SVG}rect")
    return [float(bar.attrib["width"]) for bar in found if bar.attrib["class"] != "page"]


def test_a_bar_chart_names_and_numbers_each_bar() -> None:
    shown = words(bar_chart("Cost", "Microseconds.", PANELS))
    assert shown[:2] == ["Cost", "Microseconds."]
    assert shown[2:9] == ["text", "Flask", "60.0", "Falcon", "4.25", "Kolben", "6.50"]
    assert "a < b & c" in shown


def test_bars_are_as_long_as_their_figures_within_a_panel() -> None:
    flask, falcon, kolben, *_ = bars(bar_chart("Cost", "", PANELS))
    assert falcon / flask == pytest.approx(4.25 / 60, rel=0.01)
    assert kolben / flask == pytest.approx(6.5 / 60, rel=0.01)


def test_what_has_no_figure_has_a_text_and_no_bar() -> None:
    chart = bar_chart("Cost", "", [PANELS[1]])
    assert "none" in words(chart)
    assert len(bars(chart)) == 2


def test_kolben_stands_out() -> None:
    chart = bar_chart("Cost", "", [PANELS[0]])
    assert chart.count('class="ours"') == 1
    assert chart.count('class="other"') == 2


def test_nothing_is_drawn_outside_of_the_page() -> None:
    chart = bar_chart("Cost", "", PANELS)
    page = ET.fromstring(chart)
    width, height = float(page.attrib["width"]), float(page.attrib["height"])
    for drawn in (*page.iter(f"{SVG}text"), *page.iter(f"{SVG}rect")):
        x, y = float(drawn.attrib.get("x", 0)), float(drawn.attrib.get("y", 0))
        assert x + float(drawn.attrib.get("width", 0)) <= width
        assert y <= height


def test_a_line_chart_has_a_point_for_each_size() -> None:
    chart = line_chart("Rules", "", [1, 10, 100], {"Flask": [50, 51, 60], "Kolben": [5, 5, 5.5]})
    assert chart.count("<circle") == 6
    assert {"1", "10", "100", "Flask  60.0", "Kolben  5.50"} <= set(words(chart))


def test_labels_of_lines_that_end_together_do_not_stand_on_each_other() -> None:
    chart = line_chart("", "", [1, 2], {"Falcon": [5, 5.2], "Kolben": [4, 5.1], "Flask": [9, 5]})
    ends = [float(y) for y in re.findall(r'y="([\d.]+)">(?:Falcon|Kolben|Flask)', chart)]
    assert len(ends) == 3
    ends.sort()
    assert all(below - above >= 14 for above, below in pairwise(ends))


def test_charts_have_colours_for_dark_pages() -> None:
    assert "prefers-color-scheme: dark" in bar_chart("", "", PANELS)
    assert "prefers-color-scheme: dark" in line_chart("", "", [1, 2], {"Flask": [1, 2]})
