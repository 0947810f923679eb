"""A lazy attribute is worked out once."""

from __future__ import annotations

from kolben.core.lazy import lazy


class Thing:
    def __init__(self) -> None:
        self.count = 0

    @lazy
    def part(self) -> str:
        """Say so."""
        self.count += 1
        return "worked out"


def test_it_is_worked_out_at_the_first_read_only() -> None:
    thing = Thing()
    assert [thing.part, thing.part] == ["worked out", "worked out"]
    assert thing.count == 1


def test_a_value_that_was_set_hides_it() -> None:
    thing = Thing()
    thing.__dict__["part"] = "set"
    assert thing.part == "set"
    assert thing.count == 0


def test_the_class_shows_the_attribute_itself() -> None:
    assert isinstance(Thing.part, lazy)
    assert Thing.part.__doc__ == "Say so."
