"""Templates rendered for a coroutine: what is async below them is awaited on its event loop.

Plain rendering takes a thread of the pool, in which whatever is async (a context processor, a
receiver of a signal) is handed back to the loop; meanwhile the loop goes on.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from jinja2 import Template

from kolben.core.current import find_context, the_app
from kolben.streaming import stream_with_context
from kolben.templating import (
    _render as render,
)
from kolben.templating import (
    _stream as stream,
)
from kolben.templating import (
    begin_rendering,
    end_rendering,
    find_template,
    template_of_string,
)
from kolben.typing import App

Pieces = Iterator[str] | AsyncIterator[str]


async def _render(find: Callable[..., Template], source: Any, context: dict[str, Any]) -> str:
    """Render the template that `find` finds."""
    app = the_app()
    in_thread = app.ensure_async
    template = await in_thread(find)(app, source)
    if not template.environment.is_async:
        text: str = await in_thread(render)(app, template, context)
        return text
    await in_thread(begin_rendering)(app, template, context)
    text = await template.render_async(context)
    await in_thread(end_rendering)(app, template, context)
    return text


async def _stream(find: Callable[..., Template], source: Any, context: dict[str, Any]) -> Pieces:
    """Begin to render the template that `find` finds."""
    app = the_app()
    in_thread = app.ensure_async
    template = await in_thread(find)(app, source)
    if not template.environment.is_async:
        plain: Iterator[str] = await in_thread(stream)(app, template, context)
        return plain
    await in_thread(begin_rendering)(app, template, context)
    pieces = _pieces(app, template, context)
    active = find_context()
    if active is None or active.request_context is None:
        return pieces
    kept: AsyncIterator[str] = stream_with_context(pieces)
    return kept


async def _pieces(app: App, template: Template, context: dict[str, Any]) -> AsyncIterator[str]:
    async for piece in template.generate_async(context):
        yield piece
    await app.ensure_async(end_rendering)(app, template, context)


async def render_template_async(
    template_name_or_list: str | Template | list[str | Template], **context: Any
) -> str:
    """Render a template, or the first of several that exists, with variables."""
    return await _render(find_template, template_name_or_list, context)


async def render_template_string_async(source: str, **context: Any) -> str:
    """Render a template that is given as a string, with variables; they are escaped."""
    return await _render(template_of_string, source, context)


async def stream_template_async(
    template_name_or_list: str | Template | list[str | Template], **context: Any
) -> Pieces:
    """Render a template piece by piece: await it, and return the iterator from the view."""
    return await _stream(find_template, template_name_or_list, context)


async def stream_template_string_async(source: str, **context: Any) -> Pieces:
    """Render a template that is given as a string piece by piece; variables are escaped."""
    return await _stream(template_of_string, source, context)
