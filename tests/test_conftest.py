"""The fixtures that all tests share do what they say."""

from __future__ import annotations

import io
import os
from collections.abc import Callable

import pytest

from kolben import Flask, jsonify, request, session
from kolben.testing import FlaskClient
from tests import services
from tests.running import Server, is_open
from tests.wires import WireClient

MakeClient = Callable[[Flask], WireClient]


def test_the_client_asks_the_app(app: Flask, client: FlaskClient) -> None:
    app.add_url_rule("/", view_func=lambda: "hello")
    assert "hello" == client.get("/").text


def test_a_wire_carries_path_query_headers_and_body(app: Flask, wire: MakeClient) -> None:
    @app.route("/<path:rest>", methods=["GET", "POST"])
    def show(rest: str) -> object:
        return {
            "rest": rest,
            "query": request.args.to_dict(flat=False),
            "body": request.get_data().decode(),
            "type": request.content_type,
            "own": request.headers.get("X-Own"),
            "method": request.method,
            "host": request.host,
        }

    answer = wire(app).post("/ä b/c?x=1&x=ü", data="köln", headers={"X-Own": "z"})
    assert (200, "application/json") == (answer.status, answer.headers["Content-Type"])
    assert {
        "rest": "ä b/c",
        "query": {"x": ["1", "ü"]},
        "body": "köln",
        "type": None,
        "own": "z",
        "method": "POST",
        "host": "localhost",
    } == answer.json


def test_a_wire_carries_json_forms_and_files(app: Flask, wire: MakeClient) -> None:
    @app.post("/")
    def show() -> object:
        sent = request.get_json(silent=True)
        return jsonify(sent, request.form, {k: v.read().decode() for k, v in request.files.items()})

    client = wire(app)
    assert [{"a": 1}, {}, {}] == client.post("/", json={"a": 1}).json
    assert [None, {"a": "1"}, {}] == client.post("/", data={"a": "1"}).json
    upload = {"a": "1", "f": (io.BytesIO(b"text"), "f.txt")}
    assert [None, {"a": "1"}, {"f": "text"}] == client.post("/", data=upload).json


def test_a_wire_keeps_cookies(app: Flask, wire: MakeClient) -> None:
    app.secret_key = "a key of the test"

    @app.get("/")
    def count() -> str:
        session["count"] = session.get("count", 0) + 1
        return str(session["count"])

    @app.get("/end")
    def end() -> str:
        session.clear()
        return "ended"

    client = wire(app)
    assert ["1", "2", "3"] == [client.get("/").text for _ in range(3)]
    client.get("/end")
    assert {} == client.cookies
    assert "1" == client.get("/").text


def test_a_wire_tells_of_errors_as_a_server_would(app: Flask, wire: MakeClient) -> None:
    app.testing = False
    app.add_url_rule("/", view_func=lambda: 1 / 0)
    client = wire(app)
    assert [500, 404, 405] == [
        client.get("/").status,
        client.get("/no").status,
        client.post("/").status,
    ]


@pytest.mark.slow
def test_serve_is_a_process_of_its_own(serve: Callable[..., Server]) -> None:
    server = serve(
        "import os\n"
        "from flask import Flask\n"
        "app = Flask(__name__)\n"
        "app.add_url_rule('/', view_func=lambda: str(os.getpid()))\n"
    )
    status, body = server.get("/")
    assert 200 == status
    assert os.getpid() != int(body)
    server.end()
    assert not is_open(server.port)


def test_a_free_port_can_be_listened_on(free_port: int) -> None:
    assert not is_open(free_port)


@pytest.mark.parametrize("service", services.ALL, ids=lambda service: service.name)
def test_a_service_answers(service: services.Service) -> None:
    assert str(service.port) in services.need(service)


def test_without_a_service_a_test_is_skipped_and_fails_in_ci(
    free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    absent = services.Service("Nothing", "", free_port, b"", (b"",))
    reason = f"Nothing does not answer on 127.0.0.1:{free_port}."
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match=reason):
        services.need(absent)
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=reason):
        services.need(absent)
