"""A request over RSGI whose view is plain, answered by one thread from its beginning to its end.

No event loop sees such a request: what it would cost is more than all else that is done here. Only
an answer that is sent piece by piece goes on there.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from kolben.entry import incoming, rsgi
from kolben.entry.respond import respond
from kolben.entry.scopes import Glance, RSGISource
from kolben.typing import App


def answer(
    app: App, scope: Any, protocol: Any, line: tuple[str, str], glance: Glance
) -> Awaitable[None] | None:
    """Answer a request without a body; return what is left to be awaited on the event loop.

    line, glance: as rsgi.look() gives them.
    """
    source = RSGISource(scope)
    if incoming.is_called_as_wsgi(app):
        outgoing = incoming.call(app, incoming.environ_of(source))
    else:
        context = incoming.make_context(app, source, line, glance)
        outgoing = respond(app, context, line[0] == "HEAD")
    return rsgi.send(scope, protocol, glance, outgoing)
