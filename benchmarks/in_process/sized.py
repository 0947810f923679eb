"""One framework in a process of its own, its app as large as it is told on standard input.

    python -m benchmarks.in_process.sized flask|kolben|falcon

It says first what it is, as a line of JSON; then, for each line such as `make rules 1000`, the CPU
seconds until such an app has given its first answer, and for one such as `ask rules 1000` those of
a request to it. The rule asked for is the last one.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks.in_process.callers import WsgiCaller, seconds_per_request
from benchmarks.in_process.wire import Answer, Raw, encode
from benchmarks.workloads import make_app_of_rules


def make_flask_app_of_hooks(count: int) -> Any:
    """Make an app with so many functions before its one view."""
    import flask

    app = flask.Flask(__name__)

    def count_one() -> None:
        flask.g.count = flask.g.get("count", 0) + 1

    for _ in range(count):
        app.before_request(count_one)

    @app.get("/part0/<int:item>")
    def show(item: int) -> str:
        return f"part {item}"

    return app


def make_falcon_app_of_rules(count: int) -> Any:
    """Make an app of many rules, with a value in each."""
    import falcon

    app = falcon.App()
    for number in range(count):
        app.add_route(f"/part{number}/{{item:int}}", _FalconPart())
    return app


def make_falcon_app_of_hooks(count: int) -> Any:
    """Make an app with so many middlewares before its one responder."""
    import falcon

    app = falcon.App(middleware=[_FalconCount() for _ in range(count)])
    app.add_route("/part0/{item:int}", _FalconPart())
    return app


class _FalconPart:
    def on_get(self, req: Any, resp: Any, item: int) -> None:
        resp.content_type = "text/plain; charset=utf-8"
        resp.text = f"part {item}"


class _FalconCount:
    def process_request(self, req: Any, resp: Any) -> None:
        req.context.count = getattr(req.context, "count", 0) + 1


Maker = Callable[[int], Any]
_FLASKS: dict[str, Maker] = {"rules": make_app_of_rules, "hooks": make_flask_app_of_hooks}
MAKERS: dict[str, dict[str, Maker]] = {
    "flask": _FLASKS,
    "kolben": _FLASKS,
    "falcon": {"rules": make_falcon_app_of_rules, "hooks": make_falcon_app_of_hooks},
}


def make_caller(framework: str, kind: str, count: int) -> tuple[WsgiCaller, Raw]:
    """Make an app of a size; return it with a request that it answers rightly."""
    caller = WsgiCaller(MAKERS[framework][kind](count))
    last = count - 1 if kind == "rules" else 0
    raw = encode({"path": f"/part{last}/42"})
    answer: Answer = caller.ask(raw)
    assert (answer.status, answer.body) == (200, b"part 42"), answer
    return caller, raw


def main(framework: str) -> None:
    """Measure until nobody asks any more."""
    if framework == "kolben":
        import kolben.drop_in  # noqa: F401
    make_caller(framework, "rules", 1)  # the first one pays for what is imported late
    print(json.dumps({"framework": framework}), flush=True)
    name = ""
    made: tuple[WsgiCaller, Raw] | None = None
    for line in sys.stdin:
        verb, _, asked = line.strip().partition(" ")
        if verb == "make" or asked != name or made is None:
            kind, count = asked.split()
            made = None  # the one before goes first
            gc.collect()
            begin = time.process_time()
            name, made = asked, make_caller(framework, kind, int(count))
            if verb == "make":
                print(time.process_time() - begin, flush=True)
                continue
        caller, raw = made
        print(seconds_per_request(caller.prepare(raw)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
