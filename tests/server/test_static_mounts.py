"""Files that Granian serves without the app, as far as no hook of the app applies."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from kolben import Blueprint, Flask
from kolben.server.static_mounts import choose_mounts, parse_mounts, use_mounts
from tests.running import Server

MOUNT = ("/static", "folder")


def with_static(**options: Any) -> Flask:
    return Flask("shop", static_folder=".", static_url_path="/static", **options)


def do_nothing(*_: Any) -> Any:
    """Be a hook."""


def test_a_mount_that_no_hook_applies_to_is_granians() -> None:
    assert ([MOUNT], []) == choose_mounts(with_static(), [MOUNT])
    app = Flask("shop", static_folder=None)
    app.before_request(do_nothing)
    assert ([MOUNT], []) == choose_mounts(app, [MOUNT]), "the app has no such route"


@pytest.mark.parametrize(
    "decorator", ["before_request", "after_request", "teardown_request", "url_value_preprocessor"]
)
def test_a_hook_of_the_app_keeps_its_files_with_the_app(decorator: str) -> None:
    app = with_static()
    getattr(app, decorator)(do_nothing)
    said = (
        "The app itself serves /static, and not --static-mount:"
        f" the {decorator} function 'do_nothing' applies to it."
    )
    assert ([], [said]) == choose_mounts(app, [MOUNT])


@pytest.mark.parametrize(("where", "is_granians"), [("outer", False), ("inner", False), ("", True)])
def test_hooks_of_blueprints_apply_to_their_own_files(where: str, is_granians: bool) -> None:
    app = Flask("shop", static_folder=None)
    outer = Blueprint("outer", __name__, url_prefix="/outer")
    inner = Blueprint("inner", __name__, url_prefix="/inner", static_folder="static")
    other = Blueprint("other", __name__)
    hooked = {"outer": outer, "inner": inner}.get(where, other)
    hooked.before_request(do_nothing)
    outer.register_blueprint(inner)
    app.register_blueprint(outer)
    app.register_blueprint(other)
    mounts, _ = choose_mounts(app, [("/outer/inner/static", "folder")])
    assert is_granians is bool(mounts)


def test_middleware_and_overridden_steps_keep_files_with_the_app() -> None:
    wrapped = with_static()
    wrapped.wsgi_app = lambda environ, start: []  # type: ignore[method-assign]
    stepped = with_static()
    stepped.dispatch_request = lambda: ""  # type: ignore[method-assign]
    said = [choose_mounts(app, [MOUNT])[1][0] for app in (wrapped, stepped)]
    assert said[0].endswith("middleware applies to it.")
    assert said[1].endswith("an overridden step of the request applies to it.")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("static", "write 'static' as ROUTE=FOLDER: '/static=static'."),
        ("static=static", "write 'static=static' as ROUTE=FOLDER"),
        ("=static", "write '=static' as ROUTE=FOLDER"),
        ("/=static", "write '/=static' as ROUTE=FOLDER"),
        ("/static=missing", "there is no folder 'missing'."),
    ],
)
def test_a_mount_that_is_none_is_told(text: str, said: str) -> None:
    with pytest.raises(click.UsageError, match=said):
        parse_mounts([text])


def test_mounts_have_a_route_and_a_whole_path(tmp_path: Path) -> None:
    assert [("/a", str(tmp_path))] == parse_mounts([f"/a/={tmp_path}"])


@pytest.mark.parametrize(("age", "expected"), [(60, "60"), (0, None)])
def test_granians_workers_get_the_mounts(age: int, expected: str | None) -> None:
    made: list[Any] = []

    def note(*arguments: Any) -> None:
        made.append(arguments)

    module = types.SimpleNamespace(WSGIWorker=note, ASGIWorker=note, RSGIWorker=note)
    use_mounts([MOUNT], age, module)
    module.RSGIWorker(*range(16))
    module.WSGIWorker(*range(15))
    mounts = ([MOUNT], None, expected)
    assert [(*range(12), mounts, 13, 14, 15), (*range(11), mounts, 12, 13, 14)] == made


HELLO = """\
from flask import Flask

app = Flask(__name__)

@app.get("/hello")
def hello():
    return "hello"
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Start a server for a folder with an app and a file."""
    running: list[Server] = []
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "a.css").write_text("body {}")
    (tmp_path / "secret").write_text("secret")

    def begin(text: str, interface: str) -> Server:
        (tmp_path / "hello.py").write_text(text)
        options = ["--interface", interface, "--static-mount", "/static=static"]
        running.append(Server(tmp_path, "hello", *options, "--static-max-age", "77"))
        return running[-1].wait_until_ready()

    yield begin
    for one in running:
        one.end()


@pytest.mark.slow
@pytest.mark.parametrize("interface", ["wsgi", "asgi", "rsgi"])
def test_a_server_serves_files_beside_the_app(interface: str, start: Callable[..., Server]) -> None:
    server = start(HELLO, interface)
    head = b"GET %b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    answer = server.send(head % b"/static/a.css")
    assert b"cache-control: max-age=77\r\n" in answer
    assert (200, b"body {}") == server.get("/static/a.css")
    assert (200, b"hello") == server.get("/hello")
    for path in (b"/static/../secret", b"/static/%2e%2e/secret", b"/static/..%2fsecret"):
        assert b"404" == server.send(head % path).split(b" ", 2)[1]


@pytest.mark.slow
@pytest.mark.parametrize("interface", ["wsgi", "rsgi"])
def test_a_server_leaves_files_to_an_app_with_hooks(
    interface: str, start: Callable[..., Server]
) -> None:
    hook = '@app.after_request\ndef add(response):\n    response.headers["X-Hook"] = "1"\n'
    server = start(f"{HELLO}\n{hook}    return response\n", interface)
    answer = server.send(
        b"GET /static/a.css HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    ).lower()
    assert b"x-hook: 1\r\n" in answer
    assert "the after_request function 'add' applies to it." in server.err
