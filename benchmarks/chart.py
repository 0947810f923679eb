"""Charts as SVG text: bars in panels, and lines over sizes; readable on light and dark pages."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

WIDTH = 860
MARGIN = 24
GAP = 28
BAR = 15
STEP = 22
TEXT = 12
# Rough, as no font is at hand: a character of a sans-serif font is about this wide.
EM = 0.64

_STYLE = """
  text { font: 12px system-ui, -apple-system, "Segoe UI", Arial, sans-serif; fill: #24292f }
  .title { font-size: 17px; font-weight: 600 }
  .head { font-size: 13px; font-weight: 600 }
  .note { fill: #57606a }
  .page { fill: #ffffff }
  .other { fill: #b4bcc6 }
  .ours { fill: #c2410c }
  .ours-text { fill: #b03a08; font-weight: 600 }
  .grid { stroke: #d8dee4; stroke-width: 1 }
  .line { fill: none; stroke: #8c959f; stroke-width: 2 }
  .dot { fill: #8c959f }
  .ours-line { fill: none; stroke: #c2410c; stroke-width: 2.5 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .note { fill: #9198a1 }
    .page { fill: #0d1117 }
    .other { fill: #4b535d }
    .ours { fill: #f0883e }
    .ours-text { fill: #f0a35e }
    .grid { stroke: #30363d }
    .line { stroke: #7d8590 }
    .dot { fill: #7d8590 }
    .ours-line { stroke: #f0883e }
  }
"""


@dataclass(frozen=True)
class Panel:
    """A group of bars with a scale of its own; a text stands where a label has no bar."""

    head: str
    bars: Mapping[str, float | str]

    @property
    def height(self) -> int:
        """How many pixels it takes."""
        return 24 + STEP * len(self.bars)


def bar_chart(title: str, note: str, panels: Sequence[Panel], columns: int = 2) -> str:
    """Draw panels of bars in columns; bars whose label has "Kolben" in it stand out."""
    width = (WIDTH - 2 * MARGIN - GAP * (columns - 1)) // columns
    y = 84
    drawn: list[str] = []
    for first in range(0, len(panels), columns):
        row = panels[first : first + columns]
        for number, panel in enumerate(row):
            drawn += _draw_panel(panel, MARGIN + number * (width + GAP), y, width)
        y += max(panel.height for panel in row) + 18
    return _page(title, note, y - 14, drawn)


def _draw_panel(panel: Panel, x: int, y: int, width: int) -> list[str]:
    labels = math.ceil(max(map(len, panel.bars)) * TEXT * EM) + 8
    figures = math.ceil(max(len(_shown(value)) for value in panel.bars.values()) * TEXT * EM) + 8
    numbers = [value for value in panel.bars.values() if not isinstance(value, str)]
    room = width - labels - figures
    scale = room / max(numbers, default=1)
    drawn = [_text(x, y, panel.head, "head")]
    for number, (label, value) in enumerate(panel.bars.items()):
        top = y + 12 + STEP * number
        kind = "ours" if "kolben" in label.lower() else "other"
        words = "ours-text" if kind == "ours" else ""
        drawn.append(_text(x + labels - 8, top + BAR - 3, label, words, "end"))
        if isinstance(value, str):
            drawn.append(_text(x + labels, top + BAR - 3, value, "note"))
            continue
        long = max(1.5, value * scale)
        drawn.append(
            f'<rect class="{kind}" x="{x + labels}" y="{top}" width="{long:.1f}"'
            f' height="{BAR}" rx="2"/>'
        )
        drawn.append(_text(x + labels + long + 6, top + BAR - 3, _shown(value), words))
    return drawn


def line_chart(
    title: str, note: str, sizes: Sequence[int], lines: Mapping[str, Sequence[float]]
) -> str:
    """Draw a line for each name over sizes; the scale is logarithmic."""
    left, right, top, bottom = MARGIN + 48, WIDTH - 130, 84, 364
    values = [value for line in lines.values() for value in line]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    high = max(high, low + 1)

    def x_of(number: int) -> float:
        return left + (right - left) * number / max(1, len(sizes) - 1)

    def y_of(value: float) -> float:
        return bottom - (bottom - top) * (math.log10(value) - low) / (high - low)

    drawn = []
    for power in range(low, high + 1):
        y = y_of(10.0**power)
        drawn.append(f'<line class="grid" x1="{left}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}"/>')
        drawn.append(_text(left - 8, y + 4, f"{10.0**power:,g}", "note", "end"))
    for number, size in enumerate(sizes):
        drawn.append(_text(x_of(number), bottom + 20, f"{size:,}", "note", "middle"))
    ends = _apart([y_of(line[-1]) for line in lines.values()])
    for (name, line), end in zip(lines.items(), ends, strict=True):
        spots = [(x_of(number), y_of(value)) for number, value in enumerate(line)]
        drawn += _draw_line(name, spots, end, _shown(line[-1]))
    return _page(title, note, bottom + 36, drawn)


def _draw_line(
    name: str, spots: Iterable[tuple[float, float]], end: float, figure: str
) -> list[str]:
    spots = list(spots)
    ours = "kolben" in name.lower()
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
    drawn = [f'<polyline class="{"ours-line" if ours else "line"}" points="{points}"/>']
    drawn += [
        f'<circle class="{"ours" if ours else "dot"}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>'
        for x, y in spots
    ]
    words = "ours-text" if ours else ""
    return [*drawn, _text(spots[-1][0] + 10, end + 4, f"{name}  {figure}", words)]


def _apart(heights: Sequence[float], least: float = 15) -> list[float]:
    """Move labels down that would stand on each other."""
    moved = dict.fromkeys(range(len(heights)), 0.0)
    previous = -math.inf
    for number in sorted(moved, key=heights.__getitem__):
        previous = moved[number] = max(heights[number], previous + least)
    return list(moved.values())


def _page(title: str, note: str, height: int, drawn: Iterable[str]) -> str:
    body = "\n".join(drawn)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}"'
        f' height="{height}" role="img" aria-labelledby="title note">\n<style>{_STYLE}</style>\n'
        f'<rect class="page" width="{WIDTH}" height="{height}" rx="8"/>\n'
        f'<text class="title" id="title" x="{MARGIN}" y="32">{escape(title)}</text>\n'
        f'<text class="note" id="note" x="{MARGIN}" y="52">{escape(note)}</text>\n{body}\n</svg>\n'
    )


def _text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> str:
    style = f' class="{kind}"' if kind else ""
    place = f' text-anchor="{anchor}"' if anchor != "start" else ""
    return f'<text{style} x="{x:.1f}" y="{y:.1f}"{place}>{escape(words)}</text>'


def _shown(value: float | str) -> str:
    """Write a figure with three digits that count, or more where it is large."""
    if isinstance(value, str):
        return value
    return f"{value:,.{0 if value >= 100 else 1 if value >= 10 else 2}f}"
