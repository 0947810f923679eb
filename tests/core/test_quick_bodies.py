"""JSON and small forms are read in one go, and no differently."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from werkzeug.datastructures import EnvironHeaders, Headers
from werkzeug.exceptions import BadRequest, ClientDisconnected, RequestEntityTooLarge
from werkzeug.test import EnvironBuilder

from kolben import Flask, Request
from kolben.core.quick_bodies import NOT_READ, read_form, read_json

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


def environ_of(data: bytes, content_type: str, **more: Any) -> dict[str, Any]:
    builder = EnvironBuilder(method="POST", data=data, content_type=content_type)
    return {**builder.get_environ(), **more}


def request_of(data: bytes, content_type: str, **more: Any) -> Request:
    return Request(environ_of(data, content_type, **more))


@pytest.mark.parametrize(
    "content_type",
    [JSON, "application/json; charset=utf-8", "APPLICATION/JSON", "application/problem+json"],
)
def test_json_is_read_and_kept(content_type: str) -> None:
    request = request_of(b'{"a": [1]}', content_type)
    value = read_json(request, Request, force=False)
    assert value == {"a": [1]}
    assert request.get_json() is value
    assert request.json is value
    assert request.get_json(silent=True) is value
    assert request.data == b'{"a": [1]}'
    assert request.stream.read() == b""


def test_force_reads_another_type_as_json() -> None:
    assert request_of(b"[1]", "text/plain").get_json(force=True) == [1]
    assert read_json(request_of(b"[1]", "text/plain"), Request, force=False) is NOT_READ


def test_a_form_is_read_and_kept() -> None:
    request = request_of(b"a=1&a=2&b=%C3%A4+c", FORM)
    assert read_form(request, Request)
    form = request.form
    assert form.to_dict(flat=False) == {"a": ["1", "2"], "b": ["ä c"]}
    assert type(form) is Request.parameter_storage_class
    assert not request.files
    assert request.form is form
    assert request.data == b""
    assert request.stream.read() == b""


def test_a_form_may_be_read_after_its_bytes_and_the_other_way_round() -> None:
    request = request_of(b"a=1", FORM)
    assert request.get_data() == b"a=1"
    assert request.form["a"] == "1"
    request = request_of(b"a=1", FORM)
    assert request.form["a"] == "1"
    assert request.get_data() == b""


def test_a_form_may_be_read_after_it_was_taken_for_json() -> None:
    request = request_of(b"a=1", FORM)
    assert request.get_json(force=True, silent=True) is None
    assert request.form["a"] == "1"


class OwnData(Request):
    def get_data(self, *args: Any, **kwargs: Any) -> Any:
        return b'{"own": 1}'


class OwnParser(Request):
    def make_form_data_parser(self) -> Any:
        raise BadRequest("own")


def test_a_class_with_steps_of_its_own_takes_them() -> None:
    assert OwnData(environ_of(b"[1]", JSON)).get_json() == {"own": 1}
    with pytest.raises(BadRequest, match="own"):
        OwnParser(environ_of(b"a=1", FORM)).form  # noqa: B018  # reading parses it


def with_headers(request: Request) -> None:
    request.headers = Headers({"Content-Type": JSON})


def with_others_headers(request: Request) -> None:
    request.headers = EnvironHeaders({"CONTENT_TYPE": JSON})


def with_stream(request: Request) -> None:
    request.stream = BytesIO(b"[2]")


def with_bytes(request: Request) -> None:
    request._cached_data = b"[2]"


@pytest.mark.parametrize(
    ("change", "content_type", "value"),
    [
        (with_headers, "text/plain", [1]),
        (with_others_headers, "text/plain", [1]),
        (with_stream, JSON, [2]),
        (with_bytes, JSON, [2]),
    ],
)
def test_what_was_put_in_place_of_a_part_counts(change: Any, content_type: str, value: Any) -> None:
    request = request_of(b"[1]", content_type)
    change(request)
    assert read_json(request, Request, force=False) is NOT_READ
    assert request.get_json() == value


def test_the_headers_that_were_read_before_change_nothing() -> None:
    request = request_of(b"[1]", JSON)
    assert request.is_json
    assert read_json(request, Request, force=False) == [1]


@pytest.mark.parametrize(
    "more",
    [
        {"CONTENT_TYPE": f"{JSON}; a={'b' * 200}"},
        {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True},
    ],
    ids=["a long type", "no length"],
)
def test_what_is_not_as_usual_is_read_by_werkzeugs_steps(more: dict[str, Any]) -> None:
    request = request_of(b"[1]", JSON, **more)
    assert read_json(request, Request, force=False) is NOT_READ
    assert request.get_json() == [1]
    more = {
        key: value.replace(JSON, FORM) if "TYPE" in key else value for key, value in more.items()
    }
    request = request_of(b"a=1", FORM, **more)
    assert not read_form(request, Request)
    assert request.form["a"] == "1"


def test_a_request_without_a_body_has_no_form() -> None:
    request = request_of(b"", "")
    assert not request.form
    assert not request.files


@pytest.mark.parametrize("data", [b"{", b"\xff", b"", b"[" * 60_000])
def test_broken_json_is_400_each_time_or_none(data: bytes) -> None:
    request = request_of(data, JSON)
    with pytest.raises(BadRequest):
        request.get_json()
    with pytest.raises(BadRequest):
        request.get_json()
    assert request_of(data, JSON).get_json(silent=True) is None


@pytest.mark.parametrize(
    ("data", "error"),
    [(b"a=\xff", BadRequest), (b"&".join([b"a="] * 10_001), RequestEntityTooLarge)],
    ids=["no UTF-8", "too many fields"],
)
def test_a_broken_form_is_refused_each_time(data: bytes, error: type[Exception]) -> None:
    request = request_of(data, FORM)
    for _ in range(2):
        with pytest.raises(error):
            request.form  # noqa: B018  # reading parses it


@pytest.mark.parametrize("content_type", [JSON, FORM])
def test_a_body_that_is_cut_off_is_refused(content_type: str) -> None:
    request = request_of(b"[1]", content_type, CONTENT_LENGTH="9")
    with pytest.raises(ClientDisconnected):
        request.form if content_type == FORM else request.json  # noqa: B018  # reading is the test


def test_the_limit_is_asked_first() -> None:
    request = request_of(b"[1, 2]", JSON)
    request.max_content_length = 3
    with pytest.raises(RequestEntityTooLarge):
        request.get_json()


def test_the_apps_provider_reads_json() -> None:
    app = Flask(__name__)
    app.json.loads = lambda text, **options: ["own", text]  # type: ignore[method-assign]
    with app.test_request_context(method="POST", data=b"[1]", content_type=JSON) as context:
        assert context.request.get_json() == ["own", b"[1]"]


def test_in_debug_mode_a_form_is_read_by_werkzeugs_steps() -> None:
    app = Flask(__name__)
    app.debug = True
    with app.test_request_context(method="POST", data={"a": "1"}) as context:
        assert not read_form(context.request, Request)
        assert context.request.form["a"] == "1"
