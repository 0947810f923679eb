"""Folders whose files Granian serves by itself, without asking the app.

Rule: no hook of the app is passed by. Where the app has a rule of its own for a route, and a hook
that applies to it, the app goes on serving it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import click
from werkzeug.exceptions import HTTPException

from kolben.server.looks import Looks, kind_of
from kolben.typing import App

# In the place of a hook, where the app cannot be looked at.
UNKNOWN: str | None = "unknown"
# Route and folder, as `("/static", "/srv/shop/static")`.
Mount = tuple[str, str]

# Where Granian's workers take their mounts, among the arguments that they are made with.
_PLACES = {"WSGIWorker": 11, "ASGIWorker": 12, "RSGIWorker": 12}


def parse_mounts(texts: Iterable[str]) -> list[Mount]:
    """Read mounts as they are set: ROUTE=FOLDER.

    Raises click.UsageError for a route without a slash before it, and for a folder that is none.
    """
    mounts = []
    for text in texts:
        route, equals, folder = text.partition("=")
        route = route.rstrip("/")
        if not equals or not route.startswith("/"):
            raise click.UsageError(
                f"--static-mount: write {text!r} as ROUTE=FOLDER: '/static=static'."
            )
        if not Path(folder).is_dir():
            raise click.UsageError(f"--static-mount: there is no folder {folder!r}.")
        mounts.append((route, str(Path(folder).resolve())))
    return mounts


def choose_mounts(app: App, mounts: Iterable[Mount]) -> tuple[list[Mount], list[str]]:
    """Return the mounts that no hook of the app applies to, and a warning for each other one."""
    looks = Looks(app)
    chosen, warnings = [], []
    for route, folder in mounts:
        left_out = f"--static-mount {route}, which the app itself serves"
        hook = looks.at(f"The rule of {route}", partial(_hook_on, app, route), UNKNOWN, left_out)
        if hook is None:
            chosen.append((route, folder))
        elif hook is not UNKNOWN:
            warnings.append(
                f"The app itself serves {route}, and not --static-mount: {hook} applies to it."
            )
    return chosen, [*warnings, *looks.failed]


def _hook_on(app: App, route: str) -> str | None:
    """Return what of an app has a say in requests below a route that is one of its own."""
    try:
        endpoint, _ = app.url_map.bind("localhost").match(f"{route}/a")
    except HTTPException:
        return None
    if app.engine.is_wrapped:
        return "middleware"
    if app.engine.by_steps:
        return "an overridden step of the request"
    names = [None, *_parents(str(endpoint))]
    tables = ("before_request", "after_request", "teardown_request", "url_value_preprocessor")
    for table in tables:
        functions = getattr(app, f"{table}{'s' if table.endswith('or') else '_funcs'}")
        for name in names:
            if functions.get(name):
                return f"the {table} function {_name_of(functions[name][0])!r}"
    return None


def _name_of(function: Any) -> str:
    """Name a hook, which may be any object that can be called."""
    return str(getattr(function, "__qualname__", None) or kind_of(function))


def _parents(endpoint: str) -> list[str]:
    """Return the blueprints that an endpoint is in, as `admin.users` and `admin`."""
    parts = endpoint.split(".")[:-1]
    return [".".join(parts[:count]) for count in range(len(parts), 0, -1)]


def use_mounts(mounts: list[Mount], max_age_s: int, module: Any) -> None:
    """Have the worker of this process serve mounts; before Granian makes it.

    module: Granian's, in which its workers are made. It takes mounts in the parent process, where
    there is no app yet that could be asked.
    """
    for name, place in _PLACES.items():
        setattr(module, name, _with_mounts(getattr(module, name), place, mounts, max_age_s))


def _with_mounts(
    worker: Callable[..., Any], place: int, mounts: list[Mount], max_age_s: int
) -> Callable[..., Any]:
    """Wrap a class of workers so that they serve mounts."""

    def make(*arguments: Any) -> Any:
        static = (mounts, None, str(max_age_s) if max_age_s else None)
        return worker(*arguments[:place], static, *arguments[place + 1 :])

    return make
