"""Streams that keep the request they were started in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import update_wrapper
from typing import Any, overload

from kolben.core.current import current, find_context
from kolben.typing import RequestContext


@overload
def stream_with_context(
    generator_or_function: Iterator[str],
) -> Iterator[str]: ...
@overload
def stream_with_context(
    generator_or_function: Iterator[bytes],
) -> Iterator[bytes]: ...
@overload
def stream_with_context(
    generator_or_function: Callable[..., Iterator[Any]],
) -> Callable[..., Iterator[Any]]: ...
def stream_with_context(
    generator_or_function: Any,
) -> Any:
    """Let a generator use `request`, `session` and `g` while the response is sent.

    generator_or_function: an iterator, or a function that returns one (as a decorator). It is
    closed at the end, and only then the context's teardown functions run. Raises RuntimeError
    where no request is active, when the iterator is wrapped or the function called.
    """
    try:
        source = iter(generator_or_function)
    except TypeError:

        def decorated(*args: Any, **kwargs: Any) -> Any:
            return stream_with_context(generator_or_function(*args, **kwargs))

        return update_wrapper(decorated, generator_or_function)
    context = find_context()
    found = None if context is None else context.request_context
    if found is None:
        raise RuntimeError(
            "stream_with_context keeps the active request for a stream, and none is active. Call"
            " it in the view, around the generator."
        )
    stream = _in_context(found, source, getattr(generator_or_function, "close", None))
    # Started now, so that the context is held from here on, and let go also if nobody reads.
    next(stream)
    return stream


def _in_context(
    context: RequestContext, source: Iterator[Any], close: Callable[[], None] | None
) -> Iterator[Any]:
    """Yield None, then what `source` gives; the context is active only while it works.

    Each step sets the context anew: servers may ask for each item in another thread.
    """
    context.hold()
    error: BaseException | None = None
    try:
        yield None
        while True:
            token = current.set(context)
            try:
                item = next(source)
            except StopIteration:
                return
            finally:
                current.reset(token)
            yield item
    except BaseException as raised:
        error = raised
        raise
    finally:
        token = current.set(context)
        try:
            if close is not None:
                close()
        finally:
            current.reset(token)
            context.release(error)
