"""Text of users: made clean when it comes in, made HTML when it goes out."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from flask import Flask
from markupsafe import Markup

FENCE = re.compile(r"^```[^\n]*\n(.*?)^```[ \t]*$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"(https?://[^\s<>\"']*[^\s<>\"'.,;:!?)])")
# All control characters but tab and line end: XML cannot carry them.
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ufffe\uffff]")

STEPS = (
    (60, 1, "second"),
    (60 * 60, 60, "minute"),
    (60 * 60 * 24, 60 * 60, "hour"),
    (60 * 60 * 24 * 30, 60 * 60 * 24, "day"),
    (60 * 60 * 24 * 365, 60 * 60 * 24 * 30, "month"),
    (float("inf"), 60 * 60 * 24 * 365, "year"),
)


def clean(text: str) -> str:
    """Make text safe to store: one kind of line end, no control characters, no lone surrogates."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace").decode()
    return CONTROL.sub("", text).strip()


def prose(text: str) -> Markup:
    """Make HTML of text with ``` fences, `code`, "- " lists and links; all else is escaped."""
    # With one group in the pattern, split() gives text and fenced code by turns.
    parts = FENCE.split(text)
    html = []
    for index, part in enumerate(parts):
        if index % 2:
            html.append(Markup("<pre><code>{}</code></pre>").format(part.rstrip("\n")))
        else:
            html += [_block(block) for block in re.split(r"\n\s*\n", part) if block.strip()]
    return Markup("\n").join(html)


def excerpt(text: str) -> str:
    """Give the words of a text in one line, with dots for code blocks."""
    return " ".join(FENCE.sub(" … ", text).replace("`", "").split())


def ago(moment: str) -> str:
    """Say how long ago a time of the tables was."""
    then = datetime.fromisoformat(moment)
    seconds = max(0.0, (datetime.now(UTC) - then).total_seconds())
    limit, size, unit = next(step for step in STEPS if seconds < step[0])
    number = int(seconds // size)
    if limit == STEPS[0][0]:
        return "just now"
    return f"{number} {unit}{'' if number == 1 else 's'} ago"


def tint(name: str) -> int:
    """Pick one of the six colours of the style sheet for a name, always the same one."""
    return sum(name.lower().encode()) % 6


def init_app(app: Flask) -> None:
    """Make the filters known to the templates."""
    for make_text in (prose, excerpt, ago, tint):
        app.add_template_filter(make_text)


def _block(block: str) -> Markup:
    lines = block.strip("\n").splitlines()
    if all(line.startswith("- ") for line in lines):
        items = Markup().join(Markup("<li>{}</li>").format(_inline(line[2:])) for line in lines)
        return Markup("<ul>{}</ul>").format(items)
    return Markup("<p>{}</p>").format(Markup("<br>\n").join(map(_inline, lines)))


def _inline(line: str) -> Markup:
    html = Markup()
    for index, part in enumerate(CODE.split(line)):
        html += Markup("<code>{}</code>").format(part) if index % 2 else _links(part)
    return html


def _links(text: str) -> Markup:
    html = Markup()
    for index, part in enumerate(LINK.split(text)):
        if index % 2:
            html += Markup('<a href="{0}" rel="nofollow ugc noopener">{0}</a>').format(part)
        else:
            html += part
    return html
