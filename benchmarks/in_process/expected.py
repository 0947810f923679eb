"""What the right answer to each request of the benchmarks is."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.in_process.wire import Answer
from benchmarks.workloads import ITEMS

HERE = Path(__file__).parents[1]
STYLE = (HERE / "static" / "style.css").read_bytes()
_LISTED = "".join(f"<li>{item}</li>" for item in ITEMS).replace("<crank>", "&lt;crank&gt;")
PAGE = f"<!doctypehtml><title>Parts</title><ul>{_LISTED}</ul>".encode()


@dataclass(frozen=True)
class Expected:
    """A right answer.

    body: None for any. is_json: compared as JSON; is_loose: compared without whitespace.
    headers: with lower-case names; "" as a value stands for any. A path may come with the host.
    """

    body: bytes | None
    statuses: tuple[int, ...] = (200,)
    is_json: bool = False
    is_loose: bool = False
    headers: dict[str, str] = field(default_factory=dict)

    def check(self, answer: Answer) -> str:
        """Return what is wrong with an answer, or ''."""
        if answer.status not in self.statuses:
            return f"status {answer.status}, not {self.statuses}"
        if not self._is_body(answer.body):
            return f"body {answer.body[:100]!r}, not {(self.body or b'')[:100]!r}"
        for name, value in self.headers.items():
            got = [v.removeprefix("http://localhost:8000") for n, v in answer.headers if n == name]
            if value not in got and (value or not got):
                return f"no header {name}: {value or '(any)'}"
        return ""

    def _is_body(self, body: bytes) -> bool:
        if self.body is None:
            return True
        if self.is_json:
            return _parse(body) == json.loads(self.body)
        if self.is_loose:
            return b"".join(body.split()) == b"".join(self.body.split())
        return body == self.body


def _parse(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


EXPECTED = {
    "text": Expected(b"Hello, world!"),
    "JSON": Expected(b'{"message": "Hello, world!"}', is_json=True),
    "path parameter": Expected(b"user 42"),
    "query argument": Expected(b"piston"),
    "JSON POST": Expected(b'{"name": "piston"}', (200, 201), is_json=True),
    "form POST": Expected(b"piston", (200, 201)),
    "upload of 1 MiB": Expected(b"1048576", (200, 201)),
    "hooks in a blueprint": Expected(b"hooked", headers={"x-seen": "t"}),
    "session read": Expected(b"1"),
    "session read and write": Expected(b"2", headers={"set-cookie": ""}),
    "template file": Expected(PAGE, is_loose=True),
    "render_template_string": Expected(b"<p>Hello, piston!</p>"),
    "static file": Expected(STYLE),
    "304 by ETag": Expected(b"", (304,)),
    "redirect": Expected(None, (302, 303, 307), headers={"location": "/"}),
    "404": Expected(None, (404,)),
    "405": Expected(None, (405,)),
    "1000 rules, the first": Expected(b"part 42"),
    "1000 rules, the middle": Expected(b"part 42"),
    "1000 rules, the last": Expected(b"part 42"),
    "async view": Expected(b"async"),
    "async view with 5 hooks": Expected(b"async", headers={"x-count": "5"}),
}
