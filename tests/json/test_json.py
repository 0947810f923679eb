"""kolben.json: the current app's JSON, or the standard library's outside of an app."""

from __future__ import annotations

import io
from typing import Any
from uuid import UUID

import pytest

from kolben import Flask, json
from kolben.json.provider import DefaultJSONProvider


class Shout(DefaultJSONProvider):
    def dumps(self, obj: Any, **kwargs: Any) -> str:
        return super().dumps(obj, **kwargs).upper()

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        return "read"


@pytest.fixture
def app() -> Flask:
    app = Flask(__name__)
    app.json = Shout(app)
    return app


def test_outside_of_an_app_keys_stay_in_order() -> None:
    assert json.dumps({"b": UUID(int=0), "a": 1}) == f'{{"b": "{UUID(int=0)}", "a": 1}}'


def test_outside_of_an_app_files_are_written_and_read() -> None:
    file = io.StringIO()
    json.dump([UUID(int=0)], file)
    file.seek(0)
    assert json.load(file) == [str(UUID(int=0))]
    assert json.loads(b"[1]") == [1]


def test_inside_its_provider_writes(app: Flask) -> None:
    file = io.StringIO()
    with app.app_context():
        json.dump("a", file)
        assert json.dumps("a") == '"A"'
    assert file.getvalue() == '"A"'


def test_inside_its_provider_reads(app: Flask) -> None:
    with app.app_context():
        assert json.loads("1") == "read"
        assert json.load(io.StringIO("1")) == "read"


def test_jsonify_is_the_response_of_the_app(app: Flask) -> None:
    with app.test_request_context():
        assert json.jsonify(a="b").data == b'{"A":"B"}\n'


def test_jsonify_needs_an_app() -> None:
    with pytest.raises(RuntimeError, match="application context"):
        json.jsonify(1)
