"""What is worked out for a class is worked out once, and not kept for ever."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from kolben.core.kept import kept


def test_a_class_is_looked_at_once() -> None:
    asked: list[Any] = []

    @kept
    def name_of(kind: type, suffix: str) -> str:
        asked.append((kind, suffix))
        return kind.__name__ + suffix

    assert [name_of(int, "!"), name_of(int, "!"), name_of(str, "!")] == ["int!", "int!", "str!"]
    assert asked == [(int, "!"), (str, "!")]


def test_equal_values_of_two_types_are_two() -> None:
    escaped = kept(lambda kind, text: type(text))
    assert [escaped(int, "<"), escaped(int, Markup("<"))] == [str, Markup]


def test_the_number_kept_is_bounded() -> None:
    name_of: Any = kept(lambda kind: kind.__name__)
    for _ in range(200):
        name_of(type("Made", (), {}))
    assert name_of.cache_info().currsize == 64
