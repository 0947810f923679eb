"""A WebSocket's frames as bytes, for what no client library would send."""

from __future__ import annotations

import base64
import os
import re
import socket
import struct
from typing import Self

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def frame(
    opcode: int, data: bytes = b"", *, fin: bool = True, reserved: int = 0, mask: bool = True
) -> bytes:
    """Return a frame (RFC 6455 §5.2); its mask is zero."""
    head = bytes([fin << 7 | reserved << 4 | opcode])
    size = len(data)
    bit = mask << 7
    if size < 126:
        head += bytes([bit | size])
    elif size < 65_536:
        head += bytes([bit | 126]) + struct.pack("!H", size)
    else:
        head += bytes([bit | 127]) + struct.pack("!Q", size)
    return head + (bytes(4) if mask else b"") + data


def close_frame(code: int, reason: bytes = b"") -> bytes:
    """Return a close frame."""
    return frame(CLOSE, struct.pack("!H", code) + reason)


class Wire:
    """A connection on which a handshake is sent; status: what it was answered with."""

    def __init__(
        self,
        port: int,
        path: str = "/echo",
        *,
        method: str = "GET",
        version: str = "1.1",
        receive_buffer: int | None = None,
        **headers: str | list[str] | None,
    ) -> None:
        self.socket = socket.socket()
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(10)
        self.socket.connect(("127.0.0.1", port))
        fields: dict[str, str | list[str] | None] = {
            "Host": f"127.0.0.1:{port}",
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        lines = [f"{method} {path} HTTP/{version}"]
        for name, value in fields.items():
            values = value if isinstance(value, list) else [] if value is None else [value]
            lines += [f"{name}: {one}" for one in values]
        self.send("\r\n".join([*lines, "", ""]).encode("latin-1"))
        self.head, self._buffer = self._read_head()
        self.status = int(self.head[9:12]) if self.head else 0

    def _read_head(self) -> tuple[bytes, bytes]:
        got = b""
        while b"\r\n\r\n" not in got:
            piece = self._receive()
            if not piece:
                return got, b""
            got += piece
        head, _, rest = got.partition(b"\r\n\r\n")
        return head, rest

    def _receive(self) -> bytes:
        try:
            return self.socket.recv(65_536)
        except ConnectionError:
            return b""

    def send(self, data: bytes) -> bool:
        """Send bytes; say whether the server still took them."""
        try:
            self.socket.sendall(data)
        except ConnectionError:
            return False
        return True

    def read(self) -> tuple[int, bytes] | None:
        """Return opcode and data of the next frame; None at the end of the connection."""
        head = self._take(2)
        if len(head) < 2:
            return None
        size = head[1]
        assert size < 128, "a server masks nothing"
        if size >= 126:
            size = int.from_bytes(self._take(2 if size == 126 else 8))
        return head[0] & 15, self._take(size)

    def _take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            piece = self._receive()
            if not piece:
                break
            self._buffer += piece
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken

    def end(self) -> int | None:
        """Return the code of the next close frame, 1005 if it has none; None without a frame."""
        while (got := self.read()) is not None:
            if got[0] == CLOSE:
                return int(struct.unpack("!H", got[1][:2])[0]) if got[1] else 1005
        return None

    @property
    def body(self) -> bytes:
        """The body of a refusal."""
        length = re.search(rb"(?i)content-length: *([0-9]+)", self.head)
        assert length is not None
        return self._take(int(length[1]))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.socket.close()
