"""A line of the access log holds nothing that a client could forge or that acts on a terminal."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kolben.logging import escape
from kolben.server.access_log import format_line, log_requests

SCOPE = {
    "REMOTE_ADDR": "127.0.0.1",
    "REQUEST_METHOD": "GET",
    "PATH_INFO": "/",
    "QUERY_STRING": "",
    "SERVER_PROTOCOL": "HTTP/1.1",
}


@given(st.text())
def test_escaped_text_is_printable_and_has_no_bare_quote(text: str) -> None:
    escaped = escape(text)
    assert escaped.isprintable()
    assert '"' not in escaped.replace("\\\\", "").replace('\\"', "")


@given(st.text(), st.text())
def test_different_texts_stay_different(one: str, two: str) -> None:
    assert (one == two) == (escape(one) == escape(two))


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/plain", "/plain"),
        ("/\x1b[31m", r"/\x1b[31m"),
        ("/a\nb", r"/a\nb"),
        ('/"', r"/\""),
        ("/é".encode().decode("latin-1"), "/é"),
        ("/\xff", r"/\\xff"),
        ("/\u202e".encode().decode("latin-1"), r"/\u202e"),
    ],
)
def test_a_path_is_shown_readable_and_harmless(path: str, shown: str) -> None:
    line = format_line({**SCOPE, "PATH_INFO": path}, 200, 0.0, 1.25)
    assert f'"GET {shown} HTTP/1.1" 200 1.2 ms' in line


def test_a_request_that_fails_is_logged_as_500() -> None:
    stream = io.StringIO()

    def fail(protocol: Any, scope: Any) -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        log_requests(fail, stream)(None, {**SCOPE, "QUERY_STRING": "a=1"})  # type: ignore[arg-type]  # no wire needed
    assert '"GET /?a=1 HTTP/1.1" 500 ' in stream.getvalue()
    assert 1 == stream.getvalue().count("\n")
