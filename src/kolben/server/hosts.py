"""Which server runs the app in this process, and how many requests it has at work at once.

Other servers have no place for an app to ask. Each keeps its settings in an object or a module of
its own, which is looked for where the server has loaded it; nothing is imported here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kolben.env import read_threads
from kolben.server.facts import collect_facts
from kolben.server.machine import read_machine
from kolben.server.pools import instances
from kolben.server.report import count, make_report
from kolben.server.settings import Settings
from kolben.typing import App


@dataclass(frozen=True)
class Host:
    """A server that runs the app.

    server: its name, with the kind of its workers. workers: processes. at_once: requests that each
    of them works on. hands: what works on one, a thread or a greenlet.
    """

    server: str
    workers: int
    at_once: int
    hands: str = "thread"

    @property
    def capacity(self) -> str:
        """How many requests are worked on at once, and what that is the product of."""
        factors = f"{count(self.workers, 'worker')} × {count(self.at_once, self.hands)}"
        product = self.workers * self.at_once
        return f"{factors} = {count(product, 'request')} at once ({self.server})"


def detect() -> Host | None:
    """Find the server of this process; None if it is none of those that are known here."""
    finders: tuple[Callable[[], Host | None], ...] = (_gunicorn, _uwsgi, _mod_wsgi, _waitress)
    return next((host for find in finders if (host := find()) is not None), None)


def report_here(app: App) -> str:
    """Say what the server of this process holds, and what does not fit, each with its cure.

    The database servers are asked what they allow, two seconds at most. To be called in a process
    that serves, after the server has loaded the app.
    """
    host = detect()
    if host is None:
        return "This process is run by no server that says how many requests it works on at once."
    settings = Settings(None, workers=host.workers, threads=host.at_once, max_connections=1)
    facts = collect_facts(app, app.import_name, b"", ask=True)
    warnings = make_report(settings, [facts], read_machine()).warnings
    return "\n".join([host.capacity, *(f"Warning: {warning}" for warning in warnings)])


def _gunicorn() -> Host | None:
    """Find gunicorn's worker, which has its settings."""
    worker = next(iter(instances("gunicorn.workers.base", "Worker")), None)
    if worker is None:
        return None
    settings = worker.cfg
    # Its threads make gthread of a sync worker.
    kind = str(settings.worker_class_str)
    if kind.startswith(("gevent", "eventlet")):
        return Host(
            f"gunicorn {kind}", settings.workers, settings.worker_connections, hands="greenlet"
        )
    if kind.startswith("asgi"):
        # Plain views run in Kolben's threads; async ones beside them, on the loop.
        return Host(f"gunicorn {kind}", settings.workers, read_threads())
    at_once = settings.threads if kind == "gthread" else 1
    return Host(f"gunicorn {kind}", settings.workers, at_once)


def _uwsgi() -> Host | None:
    """Ask the module that uWSGI has in its processes, and that is nowhere else."""
    module: Any = sys.modules.get("uwsgi")
    if module is None:
        return None
    options: dict[str, Any] = module.opt
    for hands, name in (("thread", "threads"), ("greenlet", "gevent")):
        if name in options:
            return Host("uWSGI", module.numproc, int(options[name]), hands)
    return Host("uWSGI", module.numproc, 1)


def _mod_wsgi() -> Host | None:
    """Ask the module that mod_wsgi has in its processes."""
    module: Any = sys.modules.get("mod_wsgi")
    if module is None or not hasattr(module, "threads_per_process"):
        return None
    return Host("mod_wsgi", module.maximum_processes, module.threads_per_process)


def _waitress() -> Host | None:
    """Find waitress's settings."""
    settings = next(iter(instances("waitress.adjustments", "Adjustments")), None)
    return None if settings is None else Host("waitress", 1, settings.threads)
