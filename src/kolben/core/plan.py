"""All that is known of an endpoint before a request for it comes."""

from __future__ import annotations

from werkzeug.routing import Rule

from kolben.core.hooks import Hooks
from kolben.typing import View


class Plan:
    """What to do for one rule.

    view: takes the values of the path as keywords; to be called plainly, whatever the user's was.
    view_async: the same, to be awaited.
    hooks: shared by all plans of the same blueprint.
    is_async: the user's view was a coroutine function.
    on_loop: an entry that has an event loop runs it there, and in a thread otherwise.
    streams_body: such an entry leaves the body for the view to read, instead of reading it before.
    options: the plan for OPTIONS requests; itself, unless they are answered automatically.
    """

    __slots__ = (
        "hooks",
        "is_async",
        "on_loop",
        "options",
        "rule",
        "streams_body",
        "view",
        "view_async",
    )

    def __init__(
        self,
        rule: Rule | None,
        view: View,
        hooks: Hooks,
        is_async: bool,
        view_async: View | None = None,
    ) -> None:
        self.rule = rule
        self.view = view
        self.view_async = view if view_async is None else view_async
        self.hooks = hooks
        self.is_async = is_async
        self.on_loop = is_async
        self.streams_body = False
        self.options: Plan = self
