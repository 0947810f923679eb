"""Errors, messages and transactions as the SDK's integration of Flask reports them."""

import logging

import sentry_sdk
from flask import Flask, abort
from sentry_sdk.integrations.flask import FlaskIntegration
from sentry_sdk.transport import Transport

PACKAGE = "sentry-sdk"
SHOWS = "errors, logged errors, messages and transactions of requests"
ASK = [
    "GET /well/7",
    "GET /broken?a=1",
    {"ask": "POST /broken", "json": {"a": 1}},
    "GET /logged",
    "GET /none",
    "GET /teapot",
    "GET /events",
]

events = []


class Kept(Transport):
    """Keeps what would be sent."""

    def capture_envelope(self, envelope):
        for item in envelope.items:
            if item.payload.json:
                events.append(describe(item.payload.json))


def describe(event):
    """Take of an event what is the same at each run."""
    request = event.get("request", {})
    values = event.get("exception", {}).get("values", [])
    return {
        "transaction": event.get("transaction"),
        "source": event.get("transaction_info"),
        "level": event.get("level"),
        "status": event.get("contexts", {}).get("response"),
        "trace": event.get("contexts", {}).get("trace", {}).get("op"),
        "url": request.get("url"),
        "query": request.get("query_string"),
        "method": request.get("method"),
        "data": request.get("data"),
        "errors": [[v["type"], v["value"], v.get("mechanism", {}).get("type")] for v in values],
        "in_app": [
            frame["function"]
            for v in values
            for frame in v["stacktrace"]["frames"]
            if frame["module"] == __name__
        ],
        "message": event.get("logentry", {}).get("message"),
    }


sentry_sdk.init(
    dsn="http://key@127.0.0.1/1",
    transport=Kept,
    integrations=[FlaskIntegration()],
    traces_sample_rate=1.0,
    send_default_pii=True,
)
app = Flask(__name__)
app.secret_key = "3e5a7b0c8f1d4d2a9e6b5c4f7a8d9e0b"


@app.get("/well/<int:number>")
def well(number):
    sentry_sdk.capture_message(f"message {number}")
    return "well"


@app.route("/broken", methods=["GET", "POST"])
def broken():
    raise RuntimeError("broken")


@app.get("/logged")
def logged():
    logging.getLogger("shop").error("logged %s", "here")
    return "logged"


@app.get("/teapot")
def teapot():
    abort(418)


@app.get("/events")
def told():
    sentry_sdk.flush()
    return events
