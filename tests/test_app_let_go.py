"""An app that its owner lets go of is not kept: a test suite makes one for each of its tests."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from kolben import Blueprint, Flask, flash, render_template_string, session, stream_with_context
from kolben.entry import loop


def plain(app: Flask) -> None:
    """Give the app a view."""
    app.add_url_rule("/", view_func=lambda: "text")


def debug(app: Flask) -> None:
    """Set the debug mode, in which event loops are watched."""
    app.debug = True
    plain(app)


def testing(app: Flask) -> None:
    """Set what tests set."""
    app.config.update(TESTING=True, DEBUG=True, PROPAGATE_EXCEPTIONS=True)
    plain(app)


def of_a_blueprint(app: Flask) -> None:
    """Give it a blueprint with hooks."""
    blueprint = Blueprint("inner", __name__)
    blueprint.before_app_request(lambda: None)
    blueprint.add_url_rule("/", view_func=lambda: "text")
    app.register_blueprint(blueprint)


def with_session_and_template(app: Flask) -> None:
    """Give it a view that uses a session, a flash and a template."""
    app.secret_key = "key"

    @app.route("/")
    def index() -> str:
        session["a"] = 1
        flash("flashed")
        return render_template_string("{{ get_flashed_messages() }} {{ url_for('index') }}")


def streamed(app: Flask) -> None:
    """Give it a view that streams."""

    @app.route("/")
    def index() -> Iterator[str]:
        return stream_with_context(iter(["a", "b"]))


def failing(app: Flask) -> None:
    """Give it a view that raises; pytest would keep a logged error."""
    app.logger.disabled = True

    @app.route("/")
    def index() -> str:
        raise ValueError("why")


def asynchronous(app: Flask) -> None:
    """Give it an async view, and an async hook."""

    @app.before_request
    async def before() -> None:
        pass

    @app.route("/")
    async def index() -> str:
        return "text"


def with_hooks_of_serving(app: Flask) -> None:
    """Give it hooks of the beginning and the end, and the debug mode."""
    debug(app)

    @app.before_serving
    async def before() -> None:
        pass

    @app.while_serving
    async def around() -> AsyncIterator[None]:
        yield


@pytest.fixture
def no_loop_yet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have the test's app be the first of its process that needs an event loop."""
    monkeypatch.setattr(loop, "_loop", None)
    yield
    if (started := loop._loop) is not None:
        started.call_soon_threadsafe(started.stop)
        while started.is_running():
            time.sleep(0.001)
        started.close()
    for thread in threading.enumerate():
        if thread.name == "kolben-loop-guard":
            thread.join(1)


@pytest.mark.usefixtures("no_loop_yet")
@pytest.mark.parametrize(
    "prepare",
    [
        plain,
        debug,
        testing,
        of_a_blueprint,
        with_session_and_template,
        streamed,
        failing,
        asynchronous,
        with_hooks_of_serving,
    ],
)
def test_an_app_is_not_kept_when_its_owner_lets_go_of_it(
    prepare: Callable[[Flask], None],
) -> None:
    def use() -> weakref.ref[Flask]:
        app = Flask(prepare.__name__)
        prepare(app)
        app.config["PROPAGATE_EXCEPTIONS"] = False
        with app.test_client() as client:
            client.get("/")
            client.get("/none")
        app.test_cli_runner().invoke(args=["routes"])
        with app.test_request_context("/"):
            app.preprocess_request()
        return weakref.ref(app)

    used = use()
    gc.collect()
    assert used() is None
