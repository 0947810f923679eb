"""A request over RSGI whose view is plain, answered by one thread from its beginning to its end.

No event loop sees such a request: what it would cost is more than all else that is done here. Only
an answer that is sent piece by piece goes on there.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from kolben.core.body import SmallBody
from kolben.entry import incoming, rsgi
from kolben.entry.respond import respond
from kolben.entry.scopes import Glance, RSGISource
from kolben.typing import App


def answer(
    app: App,
    scope: Any,
    protocol: Any,
    line: tuple[str, str],
    glance: Glance,
    body: Any = None,
) -> Awaitable[None] | None:
    """Answer a request; return what is left to be awaited on the event loop.

    line, glance: as rsgi.look() gives them. body: a future that is done; None without a body.
    """
    source = RSGISource(scope)
    if body is not None:
        try:
            source.set_body(SmallBody(body.result()), glance[2] or "")
        except RuntimeError as error:  # it was cut off
            # The future keeps the error, whose traceback has this frame, which has the future.
            error.__traceback__ = None
            return rsgi.send(scope, protocol, glance, ([], "400", []))
    if incoming.is_called_as_wsgi(app):
        outgoing = incoming.call(app, incoming.environ_of(source))
    else:
        context = incoming.make_context(app, source, line, glance)
        outgoing = respond(app, context, line[0] == "HEAD")
    return rsgi.send(scope, protocol, glance, outgoing)
