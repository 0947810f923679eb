"""Streams that keep the request they were started in."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator
from functools import update_wrapper
from typing import Any, TypeVar, overload

from kolben.core.current import current, find_context
from kolben.core.ending import release_async
from kolben.typing import RequestContext

S = TypeVar("S", str, bytes)


@overload
def stream_with_context(generator_or_function: Iterator[S]) -> Iterator[S]: ...
@overload
def stream_with_context(generator_or_function: AsyncIterator[S]) -> AsyncIterator[S]: ...
@overload
def stream_with_context(
    generator_or_function: Callable[..., Iterator[S]],
) -> Callable[..., Iterator[S]]: ...
@overload
def stream_with_context(
    generator_or_function: Callable[..., AsyncIterator[S]],
) -> Callable[..., AsyncIterator[S]]: ...
def stream_with_context(generator_or_function: Any) -> Any:
    """Let a generator use `request`, `session` and `g` while the response is sent.

    generator_or_function: an iterator, plain or async, or a function that returns one (as a
    decorator). It is closed at the end, and only then the context's teardown functions run. Raises
    RuntimeError where no request is active, when the iterator is wrapped or the function called.
    """
    if isinstance(generator_or_function, AsyncIterable):
        return _AsyncStream(_the_context(), generator_or_function)
    try:
        source = iter(generator_or_function)
    except TypeError:

        def decorated(*args: Any, **kwargs: Any) -> Any:
            return stream_with_context(generator_or_function(*args, **kwargs))

        return update_wrapper(decorated, generator_or_function)
    close = getattr(generator_or_function, "close", None)
    stream = _in_context(_the_context(), source, close)
    # Started now, so that the context is held from here on, and let go also if nobody reads.
    next(stream)
    return stream


def _the_context() -> RequestContext:
    """Return the active request's context; RuntimeError outside of one."""
    context = find_context()
    found = None if context is None else context.request_context
    if found is None:
        raise RuntimeError(
            "stream_with_context keeps the active request for a stream, and none is active. Call"
            " it in the view, around the generator."
        )
    return found


class _AsyncStream:
    """An async iterator that works in a request's context, which it holds until it is closed."""

    def __init__(self, context: RequestContext, source: AsyncIterable[Any]) -> None:
        self._context = context
        self._source = source
        self._pieces = aiter(source)
        self._error: BaseException | None = None
        self._is_closed = False
        self._hold = context.hold()

    def __aiter__(self) -> _AsyncStream:
        return self

    async def __anext__(self) -> Any:
        from asyncio import CancelledError  # starts faster without it

        ended = False
        token = current.set(self._context)
        try:
            return await anext(self._pieces)
        except BaseException as error:
            if not isinstance(error, (StopAsyncIteration, CancelledError)):
                self._error = error
            ended = True
            raise
        finally:
            current.reset(token)
            if ended:
                await self.aclose()

    async def aclose(self) -> None:
        """Close the iterator, and let the context go."""
        if self._is_closed:
            return
        self._is_closed = True
        close = getattr(self._pieces, "aclose", None)
        token = current.set(self._context)
        try:
            if close is not None:
                await close()
        finally:
            current.reset(token)
            await release_async(self._context, self._hold, self._error)


def _in_context(
    context: RequestContext, source: Iterator[Any], close: Callable[[], None] | None
) -> Iterator[Any]:
    """Yield None, then what `source` gives; the context is active only while it works.

    Each step sets the context anew: servers may ask for each item in another thread.
    """
    hold = context.hold()
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
    except GeneratorExit:  # nobody wants the rest: the request has not failed
        raise
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
            context.release(hold, error)
