"""All that is known of an endpoint before a request for it comes."""

from __future__ import annotations

from werkzeug.routing import Rule

from kolben.core.hooks import Hooks
from kolben.typing import View


class Plan:
    """What to do for one rule.

    view: takes the values of the path as keywords; sync, whatever the user's was.
    hooks: shared by all plans of the same blueprint.
    is_async: the user's view was a coroutine function.
    options: the plan for OPTIONS requests; itself, unless they are answered automatically.
    """

    __slots__ = ("hooks", "is_async", "options", "rule", "view")

    def __init__(self, rule: Rule | None, view: View, hooks: Hooks, is_async: bool) -> None:
        self.rule = rule
        self.view = view
        self.hooks = hooks
        self.is_async = is_async
        self.options: Plan = self
