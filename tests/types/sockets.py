"""User code, typed: WebSockets, their hooks and rooms."""

from __future__ import annotations

from typing import Any

from werkzeug.wrappers import Response

from kolben import Blueprint, Flask, WebSocketClosed, rooms, session, websocket

app = Flask("sockets", static_folder=None)
part = Blueprint("part", "sockets", url_prefix="/part")
closed_with: list[int] = []


@app.websocket("/echo/<int:times>")
async def echo(times: int) -> None:
    subprotocols: list[str] = websocket.requested_subprotocols
    await websocket.accept(subprotocols[0] if subprotocols else None, headers={"X-A": "b"})
    try:
        async for message in websocket:
            length: int = len(message)
            await websocket.send(message * times if length else b"")
    except WebSocketClosed as closed:
        closed_with.append(closed.code)


@part.websocket("/room/<name>")
async def room(name: str) -> None:
    await rooms.join(name)
    value: Any = await websocket.receive_json()
    await rooms.broadcast_json(name, value, skip=websocket)
    await rooms.broadcast(name, "text")
    await websocket.send_json(members=rooms.members(name))
    rooms.leave(name)
    await websocket.close(4000, "enough")


@app.before_websocket
def members_only() -> tuple[str, int] | None:
    return ("Log in first.", 401) if "user" not in session else None


@part.after_websocket
def look(response: Response | None) -> Response | None:
    return response


@app.teardown_websocket
async def end(error: BaseException | None) -> None:
    code: int | None = websocket.close_code
    assert error is None or code is None


async def by_name() -> None:
    agent: str | None = websocket.headers.get("User-Agent")
    cookie: str | None = websocket.cookies.get("name")
    word: str = websocket.args.get("word", "none")
    await websocket.send(f"{agent} {cookie} {word} {websocket.path} {websocket.url}")


app.add_websocket("/by-name", "by_name", by_name)
part.add_websocket("/by-name", view_func=by_name)
app.register_blueprint(part)
