"""Counters and histograms of requests, and metrics of one's own, on a page for Prometheus."""

from flask import Flask, abort, request
from prometheus_flask_exporter import PrometheusMetrics

PACKAGE = "prometheus-flask-exporter"
SHOWS = "durations and totals of requests, metrics of views, the page"
ASK = [
    "GET /pets/7",
    "GET /pets/8",
    "GET /broken",
    "GET /teapot",
    "GET /none",
    {"ask": "POST /counted", "form": {"kind": "dog"}, "times": 2},
    "GET /silent",
    "GET /metrics",
]
RANDOM = [
    r"(?m)^(python|process)_.*\n",
    r"(?m)^# (HELP|TYPE) (python|process)_.*\n",
    r"(?m)(?<=} )\d\.\d+(e-\d+)?$",
    r"(?m)(_created\S*) [\d.e+]+$",
    r"(?m)(_sum\S*) [\d.e-]+$",
    r"(?m)^flask_http_request_duration_seconds_bucket.*\n",
]

app = Flask(__name__)
app.secret_key = "3e5a7b0c8f1d4d2a9e6b5c4f7a8d9e0b"
metrics = PrometheusMetrics(app, group_by="endpoint")
metrics.info("shop_info", "about the shop", version="1.0")


@app.get("/pets/<int:number>")
def pet(number):
    return str(number)


@app.get("/broken")
def broken():
    raise RuntimeError("broken")


@app.get("/teapot")
def teapot():
    abort(418)


@app.post("/counted")
@metrics.counter(
    "shop_pets",
    "pets by kind",
    labels={"kind": lambda: request.form["kind"], "status": lambda r: r.status_code},
)
@metrics.gauge("shop_busy", "views at work")
def counted():
    return "counted"


@app.get("/silent")
@metrics.do_not_track()
def silent():
    return "silent"
