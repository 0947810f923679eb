"""Rooms: named groups of WebSockets, to all of which a message is sent at once.

In one process without anything else. With ROOMS_URL (or REDIS_URL) configured, through Redis: then
a broadcast reaches the members in every process, and may come from one that has no WebSockets.
Rule: nobody waits for a member that reads slowly (kolben.entry.connection: Connection.post).
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import weakref
from functools import partial
from typing import Any

from kolben.core.current import the_app, the_websocket
from kolben.core.websocket import Connection, Message
from kolben.typing import App, WebSocket

Loop = asyncio.AbstractEventLoop

_EXTENSION = "kolben.rooms"
# What a message begins with on its way through Redis: its kind, and whom it is not for.
_TEXT, _BINARY = b"t", b"b"
_TOKEN_BYTES = 8
_NOBODY = bytes(_TOKEN_BYTES)
# How long Redis is waited for; and before it is asked again, at most.
_TIMEOUT_S = 5.0
_SHORTEST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 5.0


async def join(room: str) -> None:
    """Have the current WebSocket get what is broadcast to a room, until it leaves or ends."""
    await the_rooms().join(room, the_websocket()._connection)


def leave(room: str) -> None:
    """Take the current WebSocket out of a room; nothing happens if it is not in there."""
    the_rooms().leave(room, the_websocket()._connection)


async def broadcast(room: str, message: Message, skip: WebSocket | None = None) -> None:
    """Send a message to all members of a room, without waiting until they have it.

    skip: gets none, such as the one that it came from.
    """
    await the_rooms().broadcast(room, message, skip)


async def broadcast_json(room: str, value: Any, skip: WebSocket | None = None) -> None:
    """Send a value as JSON text, which is made once for all."""
    await broadcast(room, the_app().json.dumps(value), skip)


def broadcast_from_thread(room: str, message: Message) -> None:
    """Do what broadcast() does, from a plain function: a view, a command, a task of Celery's."""
    app = the_app()
    app.async_to_sync(the_rooms().broadcast)(room, message)


def members(room: str) -> int:
    """Return how many WebSockets of this process are in a room."""
    return len(the_rooms().members.get(room, ()))


def the_rooms() -> Rooms:
    """Return the rooms of the current app."""
    app = the_app()
    rooms: Rooms | None = app.extensions.get(_EXTENSION)
    if rooms is None:
        rooms = app.extensions[_EXTENSION] = Rooms(app)
    return rooms


class Rooms:
    """The rooms of one app in this process. members: of each room that has any."""

    def __init__(self, app: App) -> None:
        self._app: App = weakref.proxy(app)  # type: ignore[assignment]  # used as the app
        self.members: dict[str, set[Connection]] = {}
        self._lines: weakref.WeakKeyDictionary[Loop, RedisLine] = weakref.WeakKeyDictionary()
        # Those that a broadcast through Redis is not for, and how they are called there.
        self._skipped: dict[bytes, Connection] = {}
        self._tokens: dict[Connection, bytes] = {}

    async def join(self, room: str, connection: Connection) -> None:
        """Put a connection into a room; it leaves when it ends."""
        there = self.members.setdefault(room, set())
        if connection in there:
            return
        there.add(connection)
        connection.when_over.append(lambda: self.leave(room, connection))
        line = self._line()
        if line is not None:
            try:
                await line.listen(room)
            except BaseException:
                self.leave(room, connection)
                raise

    def leave(self, room: str, connection: Connection) -> None:
        """Take a connection out of a room, if it is in there."""
        there = self.members.get(room, set())
        there.discard(connection)
        if not there:
            self.members.pop(room, None)
        line = self._lines.get(connection.loop)
        if line is not None and not self.has_members(room, connection.loop):
            line.ignore(room)

    def has_members(self, room: str, loop: Loop) -> bool:
        """Say whether a room has members on an event loop."""
        return any(connection.loop is loop for connection in self.members.get(room, ()))

    async def broadcast(self, room: str, message: Message, skip: WebSocket | None = None) -> None:
        """Send a message to all members of a room but one."""
        if not isinstance(message, (str, bytes)):
            raise TypeError(
                f"A message is str or bytes, and this is {type(message).__name__}. For a dict or"
                " list there is broadcast_json()."
            )
        skipped = None if skip is None else skip._connection
        line = self._line()
        if line is None:
            self._deliver_everywhere(room, message, skipped)
        else:
            await line.publish(room, self._pack(message, skipped))

    def _deliver_everywhere(self, room: str, message: Message, skipped: object) -> None:
        """Send a message to the members in this process, on whichever event loop they are."""
        running = asyncio.get_running_loop()
        for connection in tuple(self.members.get(room, ())):
            if connection is skipped:
                continue
            if connection.loop is running:
                connection.post(message)
            else:
                connection.loop.call_soon_threadsafe(connection.post, message)

    def _line(self) -> RedisLine | None:
        """Return the way through Redis for this event loop; None where none is configured."""
        config = self._app.config
        url = config.get("ROOMS_URL") or config.get("REDIS_URL")
        if not url:
            return None
        loop = asyncio.get_running_loop()
        line = self._lines.get(loop)
        if line is None:
            prefix = config.get("ROOMS_PREFIX") or f"kolben:rooms:{self._app.name}:"
            if not self._lines:
                self._app.after_serving(self.close)
            line = self._lines[loop] = RedisLine(self, url, prefix.encode())
        return line

    async def close(self) -> None:
        """Give up the way through Redis on this event loop, when it ends."""
        line = self._lines.pop(asyncio.get_running_loop(), None)
        if line is not None:
            await line.close()

    def _pack(self, message: Message, skipped: Any) -> bytes:
        """Write a message, and whom it is not for, as bytes."""
        token = _NOBODY if skipped is None else self._token_of(skipped)
        if isinstance(message, str):
            return _TEXT + token + message.encode()
        return _BINARY + token + message

    def _token_of(self, connection: Connection) -> bytes:
        """Return what a connection is called in messages through Redis."""
        token = self._tokens.get(connection)
        if token is None:
            token = self._tokens[connection] = secrets.token_bytes(_TOKEN_BYTES)
            self._skipped[token] = connection
            connection.when_over.append(partial(self._skipped.pop, token))
            connection.when_over.append(partial(self._tokens.pop, connection))
        return token

    def warn(self, error: Exception) -> None:
        """Say in the log that Redis does not answer."""
        self._app.logger.warning("Rooms hear nothing from Redis, and try again: %s", error)

    def receive(self, room: str, packed: bytes, loop: Loop) -> None:
        """Send what came through Redis to the members on an event loop."""
        content = packed[1 + _TOKEN_BYTES :]
        message: Message = content.decode() if packed[:1] == _TEXT else content
        skipped = self._skipped.get(packed[1 : 1 + _TOKEN_BYTES])
        for connection in tuple(self.members.get(room, ())):
            if connection is not skipped and connection.loop is loop:
                connection.post(message)


class RedisLine:
    """The way of messages through Redis, for one event loop."""

    def __init__(self, rooms: Rooms, url: str, prefix: bytes) -> None:
        try:
            from redis.asyncio import Redis  # starts faster without it
            from redis.asyncio.retry import Retry  # starts faster without it
            from redis.backoff import NoBackoff  # starts faster without it
            from redis.exceptions import RedisError  # starts faster without it
        except ImportError as error:
            raise RuntimeError(
                "ROOMS_URL (or REDIS_URL) is configured, and the package redis is missing. Install"
                " it: pip install 'kolben[redis]'"
            ) from error
        self._rooms: Rooms = weakref.proxy(rooms)
        self._prefix = prefix
        self._error = RedisError
        # A connection that Redis has closed meanwhile is made anew, once.
        options: Any = {"socket_connect_timeout": _TIMEOUT_S, "retry": Retry(NoBackoff(), 1)}
        self._out = Redis.from_url(url, socket_timeout=_TIMEOUT_S, **options)
        # It waits for messages as long as none comes.
        self._in = Redis.from_url(url, health_check_interval=15, **options)
        self._subscription: Any = None
        self._heard: dict[bytes, asyncio.Event] = {}
        self._changing = asyncio.Lock()
        self._listener: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def publish(self, room: str, packed: bytes) -> None:
        """Send a message to all processes; what Redis raises goes to whoever broadcasts."""
        await self._out.publish(self._prefix + room.encode(), packed)

    async def listen(self, room: str) -> None:
        """Have what is sent to a room come here; wait until Redis has confirmed it."""
        channel = self._prefix + room.encode()
        async with self._changing:
            confirmed = self._heard.get(channel)
            if confirmed is None:
                if self._subscription is None:
                    self._subscription = self._in.pubsub()
                await self._subscription.subscribe(channel)
                confirmed = self._heard[channel] = asyncio.Event()
                if self._listener is None:
                    self._listener = asyncio.get_running_loop().create_task(self._listen())
        async with asyncio.timeout(_TIMEOUT_S):
            await confirmed.wait()

    def ignore(self, room: str) -> None:
        """Have nothing more of a room come here."""
        task = asyncio.get_running_loop().create_task(self._ignore(room))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _ignore(self, room: str) -> None:
        channel = self._prefix + room.encode()
        loop = asyncio.get_running_loop()
        async with self._changing:
            if channel not in self._heard or self._rooms.has_members(room, loop):
                return
            del self._heard[channel]
            if self._heard:
                with contextlib.suppress(Exception):  # the connection is gone, and all with it
                    await self._subscription.unsubscribe(channel)
            else:
                await self._stop_listening()

    async def _listen(self) -> None:
        """Pass on what comes, until nobody is there for it."""
        loop = asyncio.get_running_loop()
        pause_s = _SHORTEST_PAUSE_S
        while True:
            try:
                came = await self._subscription.get_message(timeout=_TIMEOUT_S)
            except (OSError, self._error) as error:
                if pause_s == _SHORTEST_PAUSE_S:
                    self._rooms.warn(error)
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
                continue
            pause_s = _SHORTEST_PAUSE_S
            if came is None:
                continue
            channel: bytes = came["channel"]
            if came["type"] == "message":
                room = channel.removeprefix(self._prefix).decode()
                self._rooms.receive(room, came["data"], loop)
            elif came["type"] == "subscribe" and channel in self._heard:
                self._heard[channel].set()

    async def _stop_listening(self) -> None:
        listener, self._listener = self._listener, None
        subscription, self._subscription = self._subscription, None
        if listener is not None:
            listener.cancel()
            await asyncio.wait({listener})
        if subscription is not None:
            await subscription.aclose()

    async def close(self) -> None:
        """End all connections to Redis."""
        async with self._changing:
            self._heard.clear()
            await self._stop_listening()
        await self._in.aclose()
        await self._out.aclose()
