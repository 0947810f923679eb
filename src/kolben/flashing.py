"""Messages that one request leaves in the session for the next page to show."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kolben.core.current import the_app, the_request_context, the_session
from kolben.signals import message_flashed
from kolben.typing import RequestContext

# Where the session keeps them: a list of (category, message).
KEY = "_flashes"


def flash(message: str, category: str = "message") -> None:
    """Leave a message for the next request that asks for them.

    category: usually message, error, info or warning; a template may style them by it.
    """
    session = the_session()
    # Put back, not only appended to: the session sees that, and some keep only copies.
    messages = session.get(KEY, [])
    messages.append((category, message))
    session[KEY] = messages
    if message_flashed.receivers:
        app = the_app()
        message_flashed.send(
            app, _async_wrapper=app.ensure_sync, message=message, category=category
        )


def get_flashed_messages(
    with_categories: bool = False, category_filter: Iterable[str] = ()
) -> list[str] | list[tuple[str, str]]:
    """Take the messages out of the session; in the same request they are given again.

    with_categories: (category, message) instead of messages.
    category_filter: only those of these categories; of all if empty.
    """
    messages = _take(the_request_context())
    if category_filter:
        messages = [pair for pair in messages if pair[0] in category_filter]
    return messages if with_categories else [message for _, message in messages]


def _take(context: RequestContext) -> list[Any]:
    """Return what was in the session; the context keeps it for as long as the request lasts."""
    if context.flashes is None:
        session = context.session
        context.flashes = session.pop(KEY) if KEY in session else []
    return context.flashes or []
