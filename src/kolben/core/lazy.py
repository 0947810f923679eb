"""An attribute that is worked out when first read and is plain from then on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

T = TypeVar("T")


class lazy(Generic[T]):  # noqa: N801  # used as a decorator, named like property
    """Store what `work_out` returns in the instance, under the attribute's own name.

    It has no __set__, so the stored value hides it: the second read costs what a plain
    attribute does. functools.cached_property takes a lock on each first read (3.11).
    """

    def __init__(self, work_out: Callable[[Any], T]) -> None:
        self.work_out = work_out
        self.name = work_out.__name__
        self.__doc__ = work_out.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> lazy[T]: ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...
    def __get__(self, instance: object | None, owner: type) -> lazy[T] | T:
        if instance is None:
            return self
        value = self.work_out(instance)
        setattr(instance, self.name, value)
        return value
