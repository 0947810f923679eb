"""A plain response is what its class would have made."""

from __future__ import annotations

from typing import Any, Self

import pytest
from werkzeug.wrappers import Response as WerkzeugResponse

from kolben import Flask
from kolben.core.response import Response, content_type_for, is_plain, plain_response


class Xml(Response):
    default_mimetype = "application/xml"


@pytest.mark.parametrize("kind", [Response, Xml])
def test_plain_is_the_same_as_made(kind: type[Response]) -> None:
    content_type = content_type_for(kind.default_mimetype)
    assert content_type is not None
    ours = plain_response(kind, b"body", ("Content-Type", content_type))
    theirs = kind("body")
    assert type(ours) is kind
    assert list(ours.headers) == list(theirs.headers)
    for part in ("status", "status_code", "data", "direct_passthrough", "mimetype"):
        assert getattr(ours, part) == getattr(theirs, part)
    ours.status_code = 404
    assert ours.status == "404 NOT FOUND"
    assert plain_response(kind, b"", ("Content-Type", content_type)).status_code == 200


class OwnInit(Response):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)


class OwnNew(Response):
    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        return super().__new__(cls)


class OwnStatus(Response):
    default_status = 201


class NoLength(Response):
    automatically_set_content_length = False


class OwnData(Response):
    def set_data(self, value: bytes | str) -> None:
        super().set_data(value)


@pytest.mark.parametrize("kind", [OwnInit, OwnNew, OwnStatus, NoLength, OwnData, WerkzeugResponse])
def test_a_class_with_a_way_of_its_own_is_not_plain(kind: type[WerkzeugResponse]) -> None:
    assert not is_plain(kind)


def test_a_class_without_mimetype_has_no_content_type() -> None:
    assert content_type_for(None) is None


def test_json_is_read_by_the_current_app_or_without_one() -> None:
    response = Response('{"a": 1}', mimetype="application/json")
    assert response.json == {"a": 1}
    app = Flask(__name__)
    app.json.loads = lambda text, **options: "the app's"  # type: ignore[method-assign]
    with app.app_context():
        assert response.json == "the app's"
        assert response.json_module.dumps({}) == "{}"


def test_the_largest_cookie_is_the_apps_to_say() -> None:
    response = Response()
    assert response.max_cookie_size == 4093
    app = Flask(__name__)
    app.config["MAX_COOKIE_SIZE"] = 100
    with app.app_context():
        assert response.max_cookie_size == 100
