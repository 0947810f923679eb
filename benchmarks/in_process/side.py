"""One framework in a process of its own, which measures what it is told on standard input.

    python -m benchmarks.in_process.side NAME

It says first what it is and which requests it answers rightly, as a line of JSON; then, for the
name of each request that it reads, the CPU seconds that one takes.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import platform
import sys
from importlib.metadata import distributions
from typing import Any

from benchmarks.in_process.callers import AsgiCaller, Caller, WsgiCaller, seconds_per_request
from benchmarks.in_process.expected import EXPECTED
from benchmarks.in_process.wire import Answer, Raw, encode
from benchmarks.workloads import REQUESTS

ONLY_FLASKS = "written for Flask's API alone"


class Side:
    """The apps of one framework, and the requests that it answers rightly.

    empty: why a request is not sent to it. wrong: what is wrong with the answer to one.
    """

    def __init__(self, name: str) -> None:
        module = importlib.import_module(f"benchmarks.in_process.apps.{name}")
        self.module = module
        self.empty: dict[str, str] = dict(module.LACKS)
        self.wrong: dict[str, str] = {}
        self.answers: dict[str, Answer] = {}
        self.requests: dict[str, tuple[Caller, Raw]] = {}
        loop = asyncio.new_event_loop()
        callers = {
            use: AsgiCaller(app, loop) if module.INTERFACE == "asgi" else WsgiCaller(app)
            for use, app in module.make_apps().items()
        }
        for workload, request in REQUESTS.items():
            if workload not in EXPECTED and not getattr(module, "IS_FLASKS", False):
                self.empty.setdefault(workload, ONLY_FLASKS)
            if workload not in self.empty:
                self._try(workload, request, callers.get(_use_of(workload)) or callers["all"])

    def _try(self, workload: str, request: dict[str, Any], caller: Caller) -> None:
        """Send a request, and see whether the answer is right."""
        try:
            raw = _complete(request, caller)
        except KeyError as error:
            self.wrong[workload] = f"what is asked first has no header {error}"
            return
        answer = self.answers[workload] = caller.ask(raw)
        self.requests[workload] = caller, raw
        # Twice: what answers wrongly only the second time is wrong as well.
        for one in (answer, caller.ask(raw)):
            problem = EXPECTED[workload].check(one) if workload in EXPECTED else ""
            if problem:
                self.wrong[workload] = problem

    def measure(self, workload: str) -> float:
        """Return the CPU seconds of a request."""
        caller, raw = self.requests[workload]
        return seconds_per_request(caller.prepare(raw))

    def introduction(self) -> dict[str, Any]:
        """Say what this side is."""
        return {
            "interface": self.module.INTERFACE,
            "python": platform.python_version(),
            "versions": {d.metadata["Name"].lower(): d.version for d in distributions()},
            "compiled": _compiled(self.module.PACKAGE),
            "file": str(sys.modules[self.module.PACKAGE].__file__),
            "notes": getattr(self.module, "NOTES", {}),
            "empty": self.empty,
            "wrong": self.wrong,
            "answers": {
                name: [answer.status, answer.body.decode("utf-8", "replace")]
                for name, answer in self.answers.items()
            },
        }


def _complete(request: dict[str, Any], caller: Caller) -> Raw:
    """Make a request ready to be sent, with what an earlier answer gave for it."""
    raw = encode(request)
    if "cookie_from" in request:
        first = caller.ask(encode({"path": request["cookie_from"]}))
        raw = raw.with_header("Cookie", first.header("set-cookie").partition(";")[0])
    if "etag_from" in request:
        first = caller.ask(encode({"path": request["etag_from"]}))
        raw = raw.with_header("If-None-Match", first.header("etag"))
    return raw


def _use_of(workload: str) -> str:
    """Return which of a framework's apps a request is for, if it has one of its own for that."""
    for use in ("rules", "session", "hooks"):
        if use in workload:
            return "async hooks" if workload.startswith("async") else use
    return "static" if workload in ("static file", "304 by ETag") else "all"


def _compiled(package: str) -> list[str]:
    """List the modules of a package that are machine code."""
    return sorted(
        name
        for name, module in list(sys.modules.items())
        if name.startswith(f"{package}.")
        and str(getattr(module, "__file__", None)).endswith((".so", ".pyd"))
    )


def main(name: str) -> None:
    """Say what this side is; then measure until nobody asks any more."""
    # What an app prints must not be taken for a figure.
    figures = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    side = Side(name)
    print(json.dumps(side.introduction()), file=figures, flush=True)
    for line in sys.stdin:
        print(side.measure(line.strip()), file=figures, flush=True)
    # Without farewells: apps that wait for the end of their lifespan would complain.
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
