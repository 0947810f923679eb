"""The app's logger, and where its lines go."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from kolben import Flask
from kolben.logging import (
    JSONFormatter,
    RequestFilter,
    create_logger,
    default_handler,
    has_level_handler,
    write_json,
    wsgi_errors_stream,
)

NAME = "kolben_test_logging"


@pytest.fixture(autouse=True)
def bare_loggers(pytestconfig: pytest.Config) -> Iterator[None]:
    """Give each test a root logger and a logger of its own without handlers."""
    plugin = pytestconfig.pluginmanager.unregister(name="logging-plugin")
    root, logger = logging.root, logging.getLogger(NAME)
    kept = root.handlers[:], root.level
    root.handlers = []
    yield
    root.handlers[:], level = kept
    root.setLevel(level)
    logger.handlers = []
    logger.setLevel(logging.NOTSET)
    logger.propagate = True
    if plugin is not None:
        pytestconfig.pluginmanager.register(plugin, "logging-plugin")


@pytest.fixture
def app() -> Flask:
    return Flask(NAME, root_path="/")


def test_the_logger_has_the_apps_name_and_the_default_handler(app: Flask) -> None:
    assert app.logger.name == NAME
    assert app.logger.level == logging.NOTSET
    assert app.logger.handlers == [default_handler]
    assert app.logger is create_logger(app)
    assert app.logger.handlers == [default_handler]


def test_debug_mode_logs_all_unless_a_level_is_set(app: Flask) -> None:
    app.debug = True
    assert create_logger(app).level == logging.DEBUG
    app.logger.setLevel(logging.ERROR)
    assert create_logger(app).level == logging.ERROR


def test_a_handler_that_is_there_is_enough(app: Flask) -> None:
    logging.root.addHandler(logging.StreamHandler())
    assert app.logger.handlers == []


def test_it_writes_to_the_stream_of_the_server(app: Flask) -> None:
    @app.get("/")
    def index() -> str:
        app.logger.error("Out of %s", "ink")
        return ""

    stream = StringIO()
    app.test_client().get("/", errors_stream=stream)
    assert stream.getvalue().endswith("] ERROR in test_logging: Out of ink\n")


def test_outside_of_a_request_it_writes_to_stderr(
    app: Flask, capsys: pytest.CaptureFixture[str]
) -> None:
    app.logger.error("Alone")
    assert wsgi_errors_stream._get_current_object() is sys.stderr
    with app.app_context():
        app.logger.error("In the app")
    assert capsys.readouterr().err.count(" ERROR in test_logging: ") == 2


def test_a_server_without_such_a_stream_gets_stderr(app: Flask) -> None:
    with app.test_request_context() as context:
        del context.request.environ["wsgi.errors"]
        assert wsgi_errors_stream._get_current_object() is sys.stderr


@pytest.mark.parametrize(
    ("level", "propagate", "expected"),
    [
        (logging.NOTSET, True, True),
        (logging.WARNING, True, True),
        (logging.ERROR, True, False),
        (logging.NOTSET, False, False),
    ],
)
def test_a_handler_further_up_counts_if_it_is_reached_and_takes_the_level(
    level: int, propagate: bool, expected: bool
) -> None:
    handler = logging.StreamHandler()
    handler.setLevel(level)
    logging.root.addHandler(handler)
    logging.root.setLevel(logging.WARNING)
    logger = logging.getLogger(NAME)
    logger.propagate = propagate
    assert has_level_handler(logger) is expected


def test_no_handler_at_all() -> None:
    assert not has_level_handler(logging.getLogger(NAME))


def test_an_unhandled_error_is_logged_with_its_traceback(app: Flask) -> None:
    @app.get("/")
    def fail() -> str:
        raise ZeroDivisionError("by nothing")

    stream = StringIO()
    assert app.test_client().get("/", errors_stream=stream).status_code == 500
    assert "Exception on / [GET]" in stream.getvalue()
    assert "ZeroDivisionError: by nothing" in stream.getvalue()


# Which request a record belongs to.


def lines_with(handler: logging.Handler, app: Flask, view: Any) -> list[str]:
    """Return what a view logs through a handler, on the app's logger."""
    stream = StringIO()
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(stream)
    app.logger.addHandler(handler)
    app.logger.setLevel("INFO")
    app.logger.propagate = False
    app.add_url_rule("/<name>", "named", view)
    app.test_client().get("/x", headers={"X-Request-ID": "my-id"})
    return stream.getvalue().splitlines()


def test_a_filter_gives_records_the_request(app: Flask) -> None:
    handler = logging.StreamHandler()
    handler.addFilter(RequestFilter())
    handler.setFormatter(logging.Formatter("%(request_id)s %(endpoint)s %(trace_id)s %(message)s"))

    def view(name: str) -> str:
        app.logger.info("hello")
        return ""

    assert lines_with(handler, app, view) == ["my-id named - hello"]
    record = logging.makeLogRecord({"msg": "outside"})
    assert handler.filter(record)
    assert handler.format(record) == "- - - outside"


def test_records_may_be_json(app: Flask) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(JSONFormatter())

    def view(name: str) -> str:
        app.logger.info("hello %s\n\x1b", name, extra={"user": {"id": 7}, "level": "mine"})
        try:
            raise ZeroDivisionError("why")
        except ZeroDivisionError:
            app.logger.exception("failed", stack_info=True)
        return ""

    lines = lines_with(handler, app, view)
    assert all(line.isprintable() and line.isascii() for line in lines)
    plain, failed = map(json.loads, lines)
    assert plain.pop("time").endswith("+00:00")
    assert plain == {
        "level": "INFO",
        "logger": NAME,
        "message": "hello x\n\x1b",
        "request_id": "my-id",
        "trace_id": None,
        "endpoint": "named",
        "user": {"id": 7},
    }
    assert failed["exception"].startswith("Traceback (most recent call last):")
    assert failed["exception"].endswith("ZeroDivisionError: why")
    assert "in view" in failed["stack"]


def test_all_that_writes_to_streams_is_made_json(app: Flask, tmp_path: Path) -> None:
    stream, file = logging.StreamHandler(), logging.FileHandler(tmp_path / "log")
    kept = default_handler.formatter, stream.formatter
    assert logging.lastResort is not None
    logging.root.handlers = [stream, file, logging.NullHandler()]
    try:
        write_json(app)
        for handler in (stream, default_handler, logging.lastResort):
            assert isinstance(handler.formatter, JSONFormatter)
        assert file.formatter is None
    finally:
        file.close()
        default_handler.setFormatter(kept[0])
        logging.lastResort.setFormatter(None)
