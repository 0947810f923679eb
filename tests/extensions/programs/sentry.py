"""An app with the Sentry SDK, which sends to a list; prints as JSON what was captured."""

import json
import logging
import sys

import sentry_sdk
from flask import Flask, abort
from sentry_sdk.integrations.flask import FlaskIntegration
from sentry_sdk.transport import Transport

logging.disable(logging.CRITICAL)
sent = []


class Kept(Transport):
    """Keeps what would go over the network."""

    def capture_envelope(self, envelope):
        sent.extend((item.headers["type"], item.payload.json) for item in envelope.items)


sentry_sdk.init(
    dsn="http://key@127.0.0.1:1/1",
    transport=Kept,
    integrations=[FlaskIntegration(transaction_style=sys.argv[1])],
    traces_sample_rate=1.0,
    max_request_body_size="always",
)

app = Flask(__name__)


@app.post("/order/<int:number>")
def order(number):
    return str(1 // (number - number))


@app.get("/fine")
def fine():
    sentry_sdk.capture_message("said in a view")
    return "fine"


@app.get("/stop")
def stop():
    abort(418)


@app.errorhandler(LookupError)
def handled(error):
    return "handled", 404


@app.get("/handled")
def raises_what_is_handled():
    raise LookupError


def summarise(kind, payload):
    """Keep of an event what does not change from run to run."""
    request = payload.get("request", {})
    errors = payload.get("exception", {}).get("values", [])
    return {
        "kind": kind,
        "transaction": payload.get("transaction"),
        "source": payload.get("transaction_info"),
        "op": payload.get("contexts", {}).get("trace", {}).get("op"),
        "status": payload.get("contexts", {}).get("trace", {}).get("status"),
        "message": payload.get("message"),
        "request": {name: request.get(name) for name in ("method", "url", "query_string", "data")},
        "own header": request.get("headers", {}).get("X-Own"),
        "errors": [(error["type"], error["mechanism"]["handled"]) for error in errors],
        "last frame": [error["stacktrace"]["frames"][-1]["function"] for error in errors],
    }


client = app.test_client()
statuses = [
    client.post("/order/7?a=b", json={"name": "Ada"}, headers={"X-Own": "z"}).status_code,
    client.post("/order/7", data={"name": "Ada"}).status_code,
    client.get("/fine").status_code,
    client.get("/stop").status_code,
    client.get("/handled").status_code,
    client.get("/nowhere").status_code,
]
sentry_sdk.flush()
events = [summarise(*item) for item in sent if item[0] in {"event", "transaction"}]
print(json.dumps({"flask": Flask.__module__, "found": {"statuses": statuses, "events": events}}))
