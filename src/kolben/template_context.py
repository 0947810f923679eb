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
    given = context.copy()
    processors = app.template_context_processors
    active = find_context()
    request_context = None if active is None else active.request_context
    names = () if request_context is None else reversed(request_context.request.blueprints)
    for name in (None, *names):
        for processor in processors.get(name, ()):
            context.update(app.ensure_sync(processor)())
    context.update(given)
