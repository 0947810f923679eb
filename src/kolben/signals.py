"""The signals an app sends; each is skipped at no cost while nobody listens."""

from __future__ import annotations

from typing import Any

from blinker import Namespace, Signal

from kolben.flask_names import lend_names
from kolben.typing import App

_signals = Namespace()
_of_an_app = _signals.signal

template_rendered = _of_an_app("template-rendered")
before_render_template = _of_an_app("before-render-template")
request_started = _of_an_app("request-started")
request_finished = _of_an_app("request-finished")
request_tearing_down = _of_an_app("request-tearing-down")
got_request_exception = _of_an_app("got-request-exception")
appcontext_tearing_down = _of_an_app("appcontext-tearing-down")
appcontext_pushed = _of_an_app("appcontext-pushed")
appcontext_popped = _of_an_app("appcontext-popped")
message_flashed = _of_an_app("message-flashed")


def announce(signal: Signal, app: App, **values: Any) -> None:
    """Send a signal of an app; receivers that are coroutine functions are run to their end."""
    signal.send(app, _async_wrapper=app.ensure_sync, **values)


async def announce_async(signal: Signal, app: App, **values: Any) -> None:
    """Send a signal of an app on the event loop; receivers that are plain run in a thread."""
    await signal.send_async(app, _sync_wrapper=app.ensure_async, **values)


lend_names(globals())
