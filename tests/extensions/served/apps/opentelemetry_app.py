"""Spans and durations of requests, as OpenTelemetry's instrumentation of Flask makes them."""

from flask import Flask, abort
from opentelemetry import metrics, trace
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

PACKAGE = "opentelemetry-instrumentation-flask"
SHOWS = "spans with routes and statuses, durations, a span of one's own"
ASK = [
    "GET /pets/7",
    {
        "ask": "GET /inner",
        "headers": {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
    },
    "GET /broken",
    "GET /none",
    "GET /teapot",
    "POST /pets/7",
    "GET /told",
]
RANDOM = [r'(?<="http.server_name":)"[^"]+"', r'(?<="net.host.name":)"[^"]+"']

exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)
reader = InMemoryMetricReader()
metrics.set_meter_provider(MeterProvider([reader]))
app = Flask(__name__)
app.secret_key = "3e5a7b0c8f1d4d2a9e6b5c4f7a8d9e0b"
FlaskInstrumentor().instrument_app(app)

KEPT = ("http.method", "http.route", "http.target", "http.status_code", "http.scheme")


@app.get("/pets/<int:number>")
def pet(number):
    return str(number)


@app.get("/inner")
def inner():
    with trace.get_tracer("shop").start_as_current_span("own"):
        return "inner"


@app.get("/broken")
def broken():
    raise RuntimeError("broken")


@app.get("/teapot")
def teapot():
    abort(418)


@app.get("/told")
def told():
    provider.force_flush()
    spans = [
        {
            "name": span.name,
            "kind": span.kind.name,
            "status": span.status.status_code.name,
            "parent": span.parent is not None,
            "attributes": {name: span.attributes.get(name) for name in KEPT},
            "events": [event.name for event in span.events],
        }
        for span in exporter.get_finished_spans()
    ]
    measured = [
        [metric.name, sorted(metric_points(metric))]
        for resource in reader.get_metrics_data().resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    ]
    return {"spans": spans, "metrics": sorted(measured)}


def metric_points(metric):
    for point in metric.data.data_points:
        yield [
            str(point.attributes.get("http.target")),
            str(point.attributes.get("http.status_code")),
            str(point.attributes.get("http.method")),
            getattr(point, "count", getattr(point, "value", None)),
        ]
