"""ASGI's lifespan protocol: the server says when it begins and ends to serve."""

from __future__ import annotations

import traceback

from kolben.typing import App, Receive, Send


async def answer(app: App, receive: Receive, send: Send) -> None:
    """Run the app's hooks when the server says so, and tell it how they went."""
    while True:
        kind = (await receive())["type"]
        phase = kind.rpartition(".")[2]
        try:
            await (app.serving.start() if phase == "startup" else app.serving.stop())
        except Exception:
            app.logger.exception("A hook of the app's %s failed.", phase)
            await send({"type": f"{kind}.failed", "message": traceback.format_exc()})
            return
        await send({"type": f"{kind}.complete"})
        if phase == "shutdown":
            return
