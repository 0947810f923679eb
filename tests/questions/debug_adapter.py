"""An editor's side of the Debug Adapter Protocol, as far as one breakpoint needs it."""

from __future__ import annotations

import json
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

PATIENCE_S = 30


@dataclass(frozen=True)
class Stop:
    """Where a thread stands still."""

    thread: int
    frame: int
    function: str
    line: int


class DebugAdapter:
    """A connection to debugpy."""

    def __init__(self, port: int) -> None:
        self._socket = _connect(port)
        self._file = self._socket.makefile("rb")
        self._sent = 0
        self._events: list[dict[str, Any]] = []
        self._thread = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()
        self._socket.close()

    def attach_with_breakpoint(self, file: Path, line: int) -> None:
        """Do what an editor does at the start: attach, set its breakpoint, let the program run."""
        self.ask("initialize", adapterID="tests", pathFormat="path")
        # debugpy answers this one only after configurationDone.
        self._send("attach", {"justMyCode": False})
        self._wait_for_event("initialized")
        self.ask("setBreakpoints", source={"path": str(file)}, breakpoints=[{"line": line}])
        self.ask("configurationDone")

    def wait_for_stop(self) -> Stop:
        """Wait until a thread stops at the breakpoint."""
        self._thread = self._wait_for_event("stopped")["threadId"]
        trace = self.ask("stackTrace", threadId=self._thread, levels=1)
        frame = trace["stackFrames"][0]
        return Stop(self._thread, frame["id"], frame["name"], frame["line"])

    def evaluate(self, expression: str, where: Stop) -> str:
        """Evaluate an expression where a thread has stopped."""
        answer = self.ask("evaluate", expression=expression, frameId=where.frame, context="repl")
        result: str = answer["result"]
        return result

    def go_on(self) -> None:
        """Let the thread run on."""
        self.ask("continue", threadId=self._thread)

    def ask(self, command: str, **arguments: Any) -> dict[str, Any]:
        """Send a request; return the body of its response."""
        number = self._send(command, arguments)
        while True:
            message = self._receive()
            if message["type"] == "event":
                self._events.append(message)
            elif message["type"] == "response" and message["request_seq"] == number:
                assert message["success"], message
                return message.get("body") or {}

    def _wait_for_event(self, name: str) -> dict[str, Any]:
        while True:
            message = self._events.pop(0) if self._events else self._receive()
            if message.get("event") == name:
                return message.get("body") or {}

    def _send(self, command: str, arguments: dict[str, Any]) -> int:
        self._sent += 1
        text = json.dumps(
            {"seq": self._sent, "type": "request", "command": command, "arguments": arguments}
        ).encode()
        self._socket.sendall(b"Content-Length: %d\r\n\r\n%b" % (len(text), text))
        return self._sent

    def _receive(self) -> dict[str, Any]:
        length = 0
        while (line := self._file.readline()) not in {b"\r\n", b""}:
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        message: dict[str, Any] = json.loads(self._file.read(length))
        return message


def _connect(port: int) -> socket.socket:
    """Connect as soon as somebody listens: debugpy takes the first connection for the editor."""
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        except ConnectionRefusedError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
