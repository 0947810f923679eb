"""Headers are set as Werkzeug sets them, whichever way is taken."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.datastructures import Headers as WerkzeugHeaders

from kolben import Flask
from kolben.core.response_headers import Headers

PAIRS = [("Content-Type", "text/plain"), ("X-Seen", "a"), ("x-seen", "b"), ("Content-Length", "4")]


@pytest.mark.parametrize("pairs", [[], PAIRS])
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("X-New", "value"),
        ("X-Seen", "value"),
        ("content-type", "text/html"),
        ("X-Number", 5),
        ("X-Nothing", None),
        ("X-Text", "two\twords"),
        ("X-Own", type("Text", (str,), {})("own")),
        (0, ("X-First", "value")),
        (slice(0, 1), [("X-Part", 1)]),
    ],
)
def test_a_header_is_set_as_werkzeug_does(pairs: Any, key: Any, value: Any) -> None:
    ours, theirs = Headers(pairs), WerkzeugHeaders(pairs)
    if key == 0 and not pairs:
        with pytest.raises(IndexError):
            ours[key] = value
        return
    ours[key] = theirs[key] = value
    assert ours.to_wsgi_list() == theirs.to_wsgi_list()


@pytest.mark.parametrize("value", ["a\nb", "a\r", "\n"])
def test_a_value_of_two_lines_is_refused(value: str) -> None:
    headers = Headers(PAIRS)
    with pytest.raises(ValueError, match="newline"):
        headers["X-New"] = value
    assert headers.to_wsgi_list() == PAIRS


def test_they_are_shown_and_copied_as_werkzeugs_are(app: Flask) -> None:
    with app.test_request_context():
        headers = app.make_response("text").headers
    assert repr(headers) == f"Headers({headers.to_wsgi_list()!r})"
    theirs = WerkzeugHeaders(headers.to_wsgi_list())
    assert headers == theirs
    assert theirs == headers
    theirs["X-New"] = "value"
    assert headers != theirs
    assert theirs != headers
    assert headers != headers.to_wsgi_list()
    with pytest.raises(TypeError):
        hash(headers)
    assert isinstance(headers, WerkzeugHeaders)
    assert headers.copy() == headers
