"""What every template is given; a file of its own, as an app needs it before it needs Jinja."""

from __future__ import annotations

from typing import Any

from kolben.core.current import find_context
from kolben.typing import App


def _default_template_ctx_processor() -> dict[str, Any]:
    """Give templates `g` and, in a request, `request`.

    `session` is a global, so that only a template that uses it depends on it.
    """
    context = find_context()
    if context is None:
        return {}
    values = {"g": context.g}
    request_context = context.request_context
    if request_context is not None:
        values["request"] = request_context.request
    return values


def update_template_context(app: App, context: dict[str, Any]) -> None:
    """Add to a template's variables what the context processors give; what is there stays.

    The app's come first, then those of the request's blueprints, the outermost first.
    """
    active = find_context()
    request_context = None if active is None else active.request_context
    processors = app.template_context_processors
    names: list[str] = []
    if request_context is not None and len(processors) > (None in processors):
        names = request_context.request.blueprints[::-1]
    if active is not None and _gives_default(processors, names):
        # PERF: what the default processor gives, without it: 0.5 us instead of 0.8 us
        # (benchmarks/shortcuts.py).
        context.setdefault("g", active.g)
        if request_context is not None:
            context.setdefault("request", request_context.request)
        return
    given = context.copy()
    for name in (None, *names):
        for processor in processors.get(name, ()):
            if processor is _default_template_ctx_processor:
                context.update(processor())
            else:
                context.update(app.ensure_sync(processor)())
    context.update(given)


# What stands in each table of processors to which nobody has added any.
_DEFAULT = [_default_template_ctx_processor]


def _gives_default(processors: dict[str | None, list[Any]], names: list[str]) -> bool:
    """Say whether the app and the blueprints `names` have no processors of their own."""
    return processors.get(None) == _DEFAULT and (
        not names or all(processors.get(name, _DEFAULT) == _DEFAULT for name in names)
    )
