"""The signals an app sends; each is skipped at no cost while nobody listens."""

from __future__ import annotations

from blinker import Namespace

_of_an_app = Namespace().signal

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
