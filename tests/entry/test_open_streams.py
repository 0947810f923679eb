"""Streams without an end are ended together, on whichever loop they are."""

from __future__ import annotations

import asyncio

import pytest

from kolben.entry import open_streams
from kolben.entry.open_streams import end_of_streams, end_streams


@pytest.fixture(autouse=True)
def nothing_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_streams, "_over", [])


def test_streams_that_run_are_told_and_those_that_begin_later_too() -> None:
    async def serve() -> tuple[bool, bool]:
        end = end_of_streams()
        assert end is end_of_streams()
        before = end.done()
        end_streams()
        end_streams()  # two signals may come
        await asyncio.wait_for(end, 10)
        return before, end_of_streams().done()

    assert (False, True) == asyncio.run(serve())

    async def begin() -> bool:
        return end_of_streams().done()

    assert asyncio.run(begin())


def test_a_loop_that_is_closed_has_nothing_to_end() -> None:
    loop = asyncio.new_event_loop()

    async def begin() -> asyncio.Future[None]:
        return end_of_streams()

    end = loop.run_until_complete(begin())
    loop.close()
    end_streams()
    assert not end.done()


def test_what_is_told_twice_ends_once() -> None:
    async def serve() -> bool:
        end = end_of_streams()
        end_streams()
        end_streams()
        await asyncio.sleep(0.01)
        return end.done()

    assert asyncio.run(serve())
