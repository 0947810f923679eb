"""A plan is its own plan for OPTIONS unless another is set."""

from __future__ import annotations

from kolben.core.hooks import Hooks
from kolben.core.plan import Plan


def test_options_are_the_view_s_own_by_default() -> None:
    plan = Plan(None, lambda: "", Hooks(()), is_async=False)
    assert plan.options is plan
