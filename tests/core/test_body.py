"""A broken body is refused, not dropped."""

from __future__ import annotations

import pytest
from werkzeug.exceptions import BadRequest
from werkzeug.test import EnvironBuilder

from kolben.core.request import Request

MULTIPART = "multipart/form-data; boundary=b"
WHOLE = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nvalue\r\n--b--\r\n'


def request_of(data: bytes, content_type: str) -> Request:
    builder = EnvironBuilder(method="POST", input_stream=None, data=data, content_type=content_type)
    return Request(builder.get_environ())


def test_a_whole_form_is_read() -> None:
    assert request_of(WHOLE, MULTIPART).form["a"] == "value"
    form = "application/x-www-form-urlencoded"
    assert request_of(b"a=1&b=%C3%A4", form).form.to_dict() == {"a": "1", "b": "ä"}


@pytest.mark.parametrize(
    ("data", "content_type"),
    [
        (WHOLE[:-6], MULTIPART),
        (b"no part at all", MULTIPART),
        (WHOLE, "multipart/form-data"),
        (WHOLE, "multipart/form-data; boundary=\u00e4"),
        (b"a=\xff", "application/x-www-form-urlencoded"),
    ],
    ids=["no end", "no boundary in it", "no boundary given", "boundary not ASCII", "no UTF-8"],
)
def test_a_broken_form_is_400(data: bytes, content_type: str) -> None:
    with pytest.raises(BadRequest, match="not valid"):
        request_of(data, content_type).form  # noqa: B018  # reading parses it


def test_another_type_has_no_form() -> None:
    request = request_of(b"plain", "text/plain")
    assert request.form.to_dict() == {}
    assert request.data == b"plain"


def test_a_multipart_body_of_nothing_is_an_empty_form() -> None:
    assert request_of(b"", MULTIPART).form.to_dict() == {}


@pytest.mark.parametrize(
    ("data", "content_type"),
    [(WHOLE[:-6], MULTIPART), (b"a=\xff", "application/x-www-form-urlencoded")],
)
def test_a_broken_form_stays_broken(data: bytes, content_type: str) -> None:
    """Who caught the first error must not find an empty form the second time."""
    request = request_of(data, content_type)
    for _ in range(2):
        with pytest.raises(BadRequest):
            request.form  # noqa: B018  # reading parses it
