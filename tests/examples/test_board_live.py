"""What an open page of a question hears: new answers and writers, by WebSocket or by events."""

from __future__ import annotations

import kolben.drop_in  # noqa: F401  # first: the board says `from flask import …`

# isort: split

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.sockets import SOCKETS, Client, Refused, converse, nothing

if TYPE_CHECKING:
    from tests.examples.conftest import Site, Visitor

LIVE = "/questions/1/live"
LATEST = {"answer": 2}


@pytest.fixture(params=SOCKETS)
def kind(request: pytest.FixtureRequest) -> type[Client]:
    """A client over each interface that has WebSockets."""
    return SOCKETS[request.param]


def headers_of(visitor: Visitor) -> dict[str, str]:
    cookie = visitor.client.get_cookie("board_session")
    assert cookie is not None
    return {"Cookie": f"board_session={cookie.value}"}


async def heard(client: Client) -> Any:
    return json.loads(await client.receive())


def test_others_hear_that_one_writes_and_the_writer_does_not(
    kind: type[Client], site: Site, helper: Visitor
) -> None:
    async def talk(other: Client) -> Any:
        assert await heard(other) == LATEST
        async with kind(site.app, LIVE, headers=headers_of(helper)) as writer:
            assert await heard(writer) == LATEST
            await writer.send("writing")
            told = await heard(other)
            await writer.send("what is not said here")
            assert (await writer.closes())[0] == 1008  # and nothing came before
        return told

    told = converse(kind, site.app, LIVE, talk)
    page = helper.page("/questions/1")
    assert f'data-writer="{told["writing"]}"' in page
    assert f'data-writer="{told["writing"]}"' not in helper.page("/questions/2")


def test_who_is_not_logged_in_cannot_say_that_he_writes(
    kind: type[Client], site: Site, visitor: Visitor
) -> None:
    async def talk(client: Client) -> Any:
        assert await heard(client) == LATEST
        await client.send("writing")
        return await client.closes()

    assert converse(kind, site.app, LIVE, talk)[0] == 1008
    token = {"X-CSRF-Token": visitor.token()}
    assert visitor.client.post("/questions/1/writing", headers=token).status_code == 401


def test_a_page_of_another_site_hears_nothing(
    kind: type[Client], site: Site, helper: Visitor
) -> None:
    headers = {**headers_of(helper), "Origin": "https://elsewhere.example"}
    with pytest.raises(Refused) as refused:
        converse(kind, site.app, LIVE, nothing, headers=headers)
    assert refused.value.status == 403


def test_a_hidden_question_is_live_for_moderators_only(
    kind: type[Client], site: Site, admin: Visitor, helper: Visitor
) -> None:
    admin.send("/admin/questions/1/hide")
    assert converse(kind, site.app, LIVE, heard, headers=headers_of(admin)) == LATEST
    with pytest.raises(Refused) as refused:
        converse(kind, site.app, LIVE, heard, headers=headers_of(helper))
    # RSGI and some ASGI servers say 403 whatever it is.
    assert refused.value.status in {403, 404}
    for path in ("events", "answers"):
        assert helper.get(f"/questions/1/{path}").status_code == 404


def test_an_answer_is_told_to_sockets_and_streams(site: Site, helper: Visitor) -> None:
    async def look_on() -> list[Any]:
        seen: list[Any] = []
        async with site.app.async_test_client().stream("/questions/1/events") as response:
            async for event in response.events():
                seen.append(json.loads(event.data))
                if len(seen) == 2:
                    break
                await asyncio.to_thread(
                    helper.send, "/questions/1/answers", body="One more answer to it."
                )
        return seen

    seen = asyncio.run(look_on())
    assert seen[0] == LATEST
    assert seen[1]["answer"] > LATEST["answer"]
    assert len(site.app.extensions["board.streams"]) == 0


def test_a_page_that_gets_no_stream_is_told_how_things_stand_and_asks_again(
    site: Site, visitor: Visitor
) -> None:
    site.app.config["MOST_STREAMS"] = 0
    assert visitor.page("/questions/1/events") == 'retry: 10000\ndata: {"answer": 2}\n\n'


def test_newer_answers_come_as_a_piece_of_the_page(helper: Visitor, reader: Visitor) -> None:
    evil = "<script>alert('1')</script> is only text."
    helper.send("/questions/1/answers", body=evil)
    piece = reader.page("/questions/1/answers?after=2")
    assert piece.count("<section") == 1
    assert "&lt;script&gt;" in piece
    assert "<script" not in piece
    assert "<html" not in piece
    assert reader.page("/questions/1/answers?after=999").count("<section") == 0
