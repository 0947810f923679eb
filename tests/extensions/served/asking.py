"""Asks a served app what its file declares, and writes the answers down to be compared.

A step is a request line, or a table:

- `{"ask": "POST /login", "form": …}` with `form`, `json`, `body`, `files`, `headers`, `times`, and
  with `keep`: names for the groups of patterns that are looked for in the answer; `{name}` in a
  later step stands for what was found. Cookies are kept, redirects are not followed.
- `{"socket": "/echo", "send": ["a"], "receive": 1}`: a WebSocket.
- `{"run": "python client.py {port}"}`: a command, whose output is the answer.
"""

from __future__ import annotations

import gzip
import http.client
import json
import re
import subprocess
import urllib.parse
from collections.abc import Callable, Iterator
from http.cookies import SimpleCookie
from typing import Any

from websockets.sync.client import connect

from tests.extensions.served.declared import Declared

# Of the connection and the server, not of the app.
OF_THE_SERVER = {"connection", "date", "keep-alive", "server", "transfer-encoding"}
# A port would be in the links, and it is another at each run.
HOST = "shop.example"
PATIENCE_S = 60
BOUNDARY = "of-the-matrix"
# What differs at each run, whatever the extension: dates, tokens of itsdangerous and of JWT.
RANDOM = (
    r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d[ -][A-Z][a-z][a-z][ -]\d{4} \d\d:\d\d:\d\d GMT",
    r"\.?[\w-]+\.[\w-]{6,7}\.[\w-]{27,}",
    r"eyJ[\w-]+\.eyJ[\w-]+\.[\w-]+",
)


class Asking:
    """One run of an app's steps.

    known: what `{name}` stands for in a step. run: runs a command beside the app.
    """

    def __init__(
        self,
        declared: Declared,
        known: dict[str, str],
        run: Callable[[str], subprocess.CompletedProcess[str]],
    ) -> None:
        self._declared = declared
        self._known = known
        self._run = run
        self._cookies: dict[str, str] = {}
        self._random = [re.compile(pattern) for pattern in (*declared.random, *RANDOM)]

    def answers(self) -> list[str]:
        """Take all steps; return a text for each answer."""
        return [answer for step in self._declared.ask for answer in self._take(step)]

    def _take(self, step: Any) -> Iterator[str]:
        step = {"ask": step} if isinstance(step, str) else step
        step = self._filled(step)
        for _ in range(step.get("times", 1)):
            if "ask" in step:
                yield self._ask(step)
            elif "socket" in step:
                yield self._talk(step)
            else:
                done = self._run(step["run"])
                said = f"{step['run']}: {done.returncode}\n{done.stdout}"
                yield self._same(said if done.returncode == 0 else said + done.stderr)

    def _filled(self, value: Any) -> Any:
        """Put what is known in the place of its names."""
        if isinstance(value, dict):
            return {
                key: inner if key == "keep" else self._filled(inner) for key, inner in value.items()
            }
        if isinstance(value, list):
            return [self._filled(inner) for inner in value]
        if not isinstance(value, str):
            return value
        return re.sub(r"\{(\w+)\}", lambda found: self._known.get(found[1], found[0]), value)

    def _ask(self, step: dict[str, Any]) -> str:
        method, _, target = step["ask"].partition(" ")
        body, headers = _body_of(step)
        headers |= {"Host": HOST, "User-Agent": "matrix", **step.get("headers", {})}
        if self._cookies:
            headers["Cookie"] = "; ".join(f"{key}={value}" for key, value in self._cookies.items())
        connection = http.client.HTTPConnection(
            "127.0.0.1", int(self._known["port"]), timeout=PATIENCE_S
        )
        try:
            connection.request(method, target, body, headers)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        self._keep_cookies(answer)
        text = _text_of(content, answer.getheader("Content-Encoding"))
        lines = [f"{name.lower()}: {value}" for name, value in answer.getheaders()]
        self._keep(step.get("keep", {}), "\n".join([*lines, "", text]))
        return "\n".join(
            [
                self._same(f"{method} {target}"),
                f"{answer.status}",
                *self._headers(answer, content, method),
                "",
                self._same(text),
            ]
        )

    def _headers(
        self, answer: http.client.HTTPResponse, content: bytes, method: str
    ) -> Iterator[str]:
        """Give the headers that are the app's, sorted by name, those of one name as they came."""
        for name, value in sorted(answer.getheaders(), key=lambda header: header[0].lower()):
            lowered = name.lower()
            if lowered in OF_THE_SERVER:
                continue
            if lowered == "content-length" and method != "HEAD":
                is_right = int(value) == len(content)
                yield f"content-length: {'right' if is_right else value}"
            elif lowered == "allow":
                # Flask's order is that of a set.
                yield f"allow: {', '.join(sorted(value.split(', ')))}"
            else:
                yield self._same(f"{lowered}: {value}")

    def _keep_cookies(self, answer: http.client.HTTPResponse) -> None:
        for line in answer.headers.get_all("Set-Cookie", ()):
            for name, morsel in SimpleCookie(line).items():
                if morsel["max-age"] == "0" or "1970" in morsel["expires"]:
                    self._cookies.pop(name, None)
                else:
                    self._cookies[name] = morsel.coded_value

    def _keep(self, patterns: dict[str, str], text: str) -> None:
        for name, pattern in patterns.items():
            found = re.search(pattern, text)
            self._known[name] = "" if found is None else found[1]

    def _talk(self, step: dict[str, Any]) -> str:
        """Open a WebSocket, send, and receive as much as is expected."""
        url = f"ws://127.0.0.1:{self._known['port']}{step['socket']}"
        received: list[Any] = []
        try:
            with connect(url, open_timeout=PATIENCE_S, close_timeout=5, proxy=None) as socket:
                for message in step["send"]:
                    socket.send(message)
                received += [socket.recv(timeout=10) for _ in range(step["receive"])]
        except Exception as error:  # noqa: BLE001  # whatever becomes of it is the answer
            received.append(f"{type(error).__name__}: {error}")
        return self._same(f"WebSocket {step['socket']}\n{received}")

    def _same(self, text: str) -> str:
        """Take out of a text what differs at each run."""
        for name in ("folder", "prefix"):
            text = text.replace(self._known[name], name)
        for name in ("port", "beside"):
            text = re.sub(rf"\b{self._known[name]}\b", name, text)
        for pattern in self._random:
            text = pattern.sub("…", text)
        return text


def _body_of(step: dict[str, Any]) -> tuple[bytes | None, dict[str, str]]:
    """Return the body of a request, with its headers."""
    if "json" in step:
        return json.dumps(step["json"]).encode(), {"Content-Type": "application/json"}
    if "files" in step:
        parts = [
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in step.get("form", {}).items()
        ]
        parts += [
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"; filename="{filename}"'
            f"\r\nContent-Type: text/plain\r\n\r\n{value}\r\n"
            for name, (filename, value) in step["files"].items()
        ]
        kind = f"multipart/form-data; boundary={BOUNDARY}"
        return "".join([*parts, f"--{BOUNDARY}--\r\n"]).encode(), {"Content-Type": kind}
    if "form" in step:
        kind = "application/x-www-form-urlencoded"
        return urllib.parse.urlencode(step["form"]).encode(), {"Content-Type": kind}
    return (step["body"].encode(), {}) if "body" in step else (None, {})


def _text_of(content: bytes, encoding: str | None) -> str:
    if encoding == "gzip" and content:
        content = gzip.decompress(content)
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.hex()
