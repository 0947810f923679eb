"""What an open page of a question listens to: a WebSocket, or server-sent events without one."""

from __future__ import annotations

from flask import abort, g
from flask.typing import ResponseReturnValue

from board import live
from board.guard import load_account
from board.views.questions import question_or_404
from kolben import Blueprint, sse

blueprint = Blueprint("watching", __name__, url_prefix="/questions/<int:question_id>")
# Requests have it from the app. A page of another site gets no WebSocket: Kolben sees to that.
blueprint.before_websocket(load_account)

# A client that is gone is noticed when something is sent to it.
HEARTBEAT_S = 2.0


@blueprint.websocket("/live")
async def socket(question_id: int) -> None:
    """Tell the page of new answers and writers, and hear from it that its visitor writes."""
    question = question_or_404(question_id)
    await live.serve_socket(question.id, g.account and g.account.id)


@blueprint.get("/events")
def events(question_id: int) -> ResponseReturnValue:
    """Tell the page of new answers and writers."""
    question = question_or_404(question_id)
    return sse(live.events(question.id), HEARTBEAT_S)


@blueprint.post("/writing")
def writing(question_id: int) -> ResponseReturnValue:
    """Hear from a page without a WebSocket that its visitor writes."""
    if g.account is None:
        abort(401)
    question = question_or_404(question_id)
    live.tell_writing(question.id, g.account.id)
    return "", 204
