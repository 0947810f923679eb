"""What single parts cost: JSON, sessions, templates; on Kolben, or on Flask to compare.

    python -m benchmarks.parts [--flask]

--flask: measure the real Flask that this Python has. Each figure is the best of several
batches, in microseconds of CPU time.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

BATCHES = 9
BATCH_S = 0.05

CONTENT = {"user_id": 1, "_fresh": True, "csrf_token": "0123456789abcdefghijklmnopqrstuvwxyz"}
SOURCE = "<ul>{% for item in items %}<li>{{ item }}</li>{% endfor %}</ul>"


def measure(call: Callable[[], Any]) -> float:
    """Return the microseconds that a call costs."""
    count = 1
    while _seconds(call, count) < BATCH_S:
        count *= 2
    return min(_seconds(call, count) for _ in range(BATCHES)) / count * 1e6


def _seconds(call: Callable[[], Any], count: int) -> float:
    begin = time.process_time()
    for _ in range(count):
        call()
    return time.process_time() - begin


def parts(flask: Any) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield the name of each part and what uses it once."""
    app = flask.Flask(__name__)
    app.secret_key = "a key"
    interface = app.session_interface
    token = interface.get_signing_serializer(app).dumps(CONTENT)
    request = app.request_class({"REQUEST_METHOD": "GET", "HTTP_COOKIE": f"session={token}"})
    session = interface.open_session(app, request)
    assert dict(session) == CONTENT
    session.accessed = session.modified = True

    yield "json.dumps of a small object", lambda: flask.json.dumps({"a": 1})
    yield "jsonify of a small object", lambda: flask.jsonify(a=1, b="x", c=[1, 2])
    rows = {"rows": [{"id": n, "name": f"item {n}", "tags": ["a", "b"]} for n in range(100)]}
    for name, provider in _providers(app):
        for size, value in (("a small dict", {"a": 1}), ("100 rows", rows)):
            raw = flask.json.dumps(value).encode()
            yield f"JSON of {size}, {name}", partial(provider.response, value)
            yield f"the same read, {name}", partial(provider.loads, raw)
    yield "a session's text written", lambda: interface.serializer.dumps(CONTENT)
    yield "a session opened", lambda: interface.open_session(app, request)
    yield (
        "a session saved, with a response",
        lambda: interface.save_session(app, session, app.response_class()),
    )
    yield (
        "a template given as a string",
        lambda: flask.render_template_string(SOURCE, items=[1, 2, 3]),
    )
    template = app.jinja_env.from_string(SOURCE)
    yield "the same, by Jinja alone", lambda: template.render(items=[1, 2, 3])


def _providers(app: Any) -> Iterator[tuple[str, Any]]:
    """Yield the names of what writes and reads JSON, and it."""
    yield "default", app.json
    try:
        from kolben.json.msgspec_provider import MsgspecProvider
    except ImportError:  # on Flask, or without msgspec
        return
    yield "msgspec", MsgspecProvider(app)


def main() -> None:
    """Print a line for each part."""
    if "--flask" not in sys.argv[1:]:
        import kolben.drop_in  # noqa: F401
    import flask

    app = flask.Flask(__name__)
    with app.app_context():
        for name, call in parts(flask):
            print(f"{name:34}{measure(call):9.2f} us")


if __name__ == "__main__":
    main()
