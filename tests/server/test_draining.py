"""A worker knows when it is about to end."""

from __future__ import annotations

from tests.fresh_interpreter import Interpreter


def test_it_drains_from_when_it_is_told(python: Interpreter) -> None:
    done = python.run(
        "from kolben.server.draining import begin_draining, is_draining\n"
        "print(is_draining()); begin_draining(); print(is_draining())"
    )
    assert done.split() == ["False", "True"]
