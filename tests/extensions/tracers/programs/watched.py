"""Tracers, each begun as its documentation says, and what each recorded as lines of JSON.

TRACER says which; RECORD is the file. Where a command begins the tracer (`ddtrace-run` and its
like), only what is recorded is taken here, by the means that the tracer has for it.
"""

import json
import os
import sys
import threading

TRACER = os.environ["TRACER"]
RECORD = os.environ["RECORD"]
_lock = threading.Lock()


def note(**recorded):
    """Write down one thing that was recorded."""
    with _lock, open(RECORD, "a", encoding="utf-8") as file:
        file.write(json.dumps(recorded, sort_keys=True, default=str) + "\n")


def begin():
    """Begin the tracer, before Flask is imported."""
    globals().get(f"begin_{TRACER.replace('-', '_')}", lambda: None)()


def watch(app):
    """Give the app to the tracer, or take what it records from now on."""
    globals().get(f"watch_{TRACER.replace('-', '_')}", lambda app: None)(app)


# New Relic: developer mode sends nothing; each transaction is taken where it would be counted.


def begin_newrelic():
    import newrelic.agent

    newrelic.agent.initialize(os.environ.get("NEW_RELIC_CONFIG_FILE"))
    take_newrelic()


def take_newrelic():
    from newrelic.core.application import Application

    count = Application.record_transaction

    def record_transaction(self, transaction):
        note(
            name=transaction.name_for_metric,
            path=transaction.path,
            type=transaction.type,
            status=[a.value for a in transaction.agent_attributes if a.name == "response.status"],
            errors=sorted(error.type for error in transaction.errors),
            spans=sorted(_names_below(transaction.root)),
        )
        return count(self, transaction)

    Application.record_transaction = record_transaction


begin_newrelic_admin = take_newrelic


def watch_newrelic(app):
    """Wait until transactions are counted, which the agent else begins with the first one."""
    import newrelic.agent

    newrelic.agent.register_application(timeout=10)


watch_newrelic_admin = watch_newrelic


def _names_below(node):
    for child in node.children:
        yield f"{type(child).__name__} {getattr(child, 'name', '')}"
        yield from _names_below(child)


# Datadog: a processor of whole traces, which keeps them from being sent.


def begin_ddtrace():
    import ddtrace.auto  # noqa: F401

    take_ddtrace()


def take_ddtrace():
    from ddtrace.trace import TraceFilter, tracer

    class Take(TraceFilter):
        def process_trace(self, trace):
            note(spans=sorted((_datadog_span(span) for span in trace), key=str))

    tracer.configure(trace_processors=[Take()])


begin_ddtrace_run = take_ddtrace

_DATADOG_TAGS = (
    "component",
    "error.type",
    "flask.endpoint",
    "flask.url_rule",
    "flask.view_args.number",
    "http.method",
    "http.route",
    "http.status_code",
    "http.url",
    "flask.template_name",
    "span.kind",
)


def _datadog_span(span):
    tags = {tag: span.get_tag(tag) for tag in _DATADOG_TAGS if span.get_tag(tag) is not None}
    return [span.name, span.resource, span.service, span.span_type, span.error, tags]


# Elastic APM: a transport of its own kind.


def watch_elastic(app):
    from elasticapm.contrib.flask import ElasticAPM
    from elasticapm.transport.base import Transport

    class Take(Transport):
        def queue(self, event_type, data, flush=False):
            if event_type in {"transaction", "error", "span"}:
                note(kind=event_type, **_elastic_event(data))

    sys.modules[__name__].Take = Take
    app.config["ELASTIC_APM"] = {
        "SERVICE_NAME": "shop",
        "TRANSPORT_CLASS": "watched.Take",
        "CENTRAL_CONFIG": False,
        "CLOUD_PROVIDER": "none",
        "SPAN_COMPRESSION_ENABLED": False,
    }
    ElasticAPM(app)


def _elastic_event(data):
    context = data.get("context") or {}
    error = data.get("exception") or {}
    return {
        "name": data.get("name"),
        "type": data.get("type"),
        "result": data.get("result"),
        "outcome": data.get("outcome"),
        "error": error.get("type"),
        "handled": error.get("handled"),
        "culprit": data.get("culprit"),
        "method": (context.get("request") or {}).get("method"),
        "path": ((context.get("request") or {}).get("url") or {}).get("pathname"),
        "status": (context.get("response") or {}).get("status_code"),
        "of": (data.get("transaction") or {}).get("name"),
    }


# OpenTelemetry: a span processor, and a metric reader that is asked at the end.


def _providers():
    from opentelemetry import metrics, trace
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.trace import TracerProvider

    trace.set_tracer_provider(TracerProvider())
    sys.modules[__name__].reader = reader = InMemoryMetricReader()
    metrics.set_meter_provider(MeterProvider([reader]))
    _take_otel()


def _take_otel():
    from opentelemetry import trace
    from opentelemetry.sdk.trace import SpanProcessor

    class Take(SpanProcessor):
        def on_end(self, span):
            wanted = ("http.method", "http.route", "http.status_code", "http.target")
            note(
                name=span.name,
                kind=span.kind.name,
                status=span.status.status_code.name,
                attributes={name: span.attributes.get(name) for name in wanted},
                events=[event.attributes.get("exception.type") for event in span.events],
            )

    trace.get_tracer_provider().add_span_processor(Take())


def end_otel():
    """Write down how often each duration was measured."""
    data = reader.get_metrics_data()  # noqa: F821  # set by _providers()
    for resource in data.resource_metrics if data else ():
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                for point in metric.data.data_points:
                    wanted = ("http.target", "http.status_code", "http.method")
                    attributes = {name: point.attributes.get(name) for name in wanted}
                    count = getattr(point, "count", getattr(point, "value", None))
                    note(metric=metric.name, attributes=attributes, count=count)


def begin_otel():
    from opentelemetry.instrumentation.flask import FlaskInstrumentor

    _providers()
    FlaskInstrumentor().instrument()


def watch_otel_app(app):
    from opentelemetry.instrumentation.flask import FlaskInstrumentor

    _providers()
    FlaskInstrumentor().instrument_app(app)


begin_otel_command = _take_otel


# Sentry: a transport of its own kind.


def begin_sentry():
    import sentry_sdk
    from sentry_sdk.transport import Transport

    class Take(Transport):
        def capture_envelope(self, envelope):
            for item in envelope.items:
                if item.headers["type"] in {"event", "transaction"}:
                    note(kind=item.headers["type"], **_sentry_event(item.payload.json))

    sentry_sdk.init(
        dsn="http://key@127.0.0.1:1/1", transport=Take, traces_sample_rate=1.0, debug=False
    )


def _sentry_event(payload):
    trace = payload.get("contexts", {}).get("trace", {})
    return {
        "name": payload.get("transaction"),
        "source": payload.get("transaction_info"),
        "op": trace.get("op"),
        "status": trace.get("status"),
        "code": (trace.get("data") or {}).get("http.response.status_code"),
        "path": payload.get("request", {}).get("url", "").partition("//")[2].partition("/")[2],
        "method": payload.get("request", {}).get("method"),
        "errors": [
            (error["type"], error["mechanism"]["type"], error["mechanism"]["handled"])
            for error in payload.get("exception", {}).get("values", [])
        ],
        "spans": sorted(str(span.get("op")) for span in payload.get("spans", [])),
    }


# AWS X-Ray: an emitter of its own kind.


def watch_xray(app):
    from aws_xray_sdk.core import xray_recorder
    from aws_xray_sdk.ext.flask.middleware import XRayMiddleware

    class Take:
        def send_entity(self, entity):
            note(**_xray_segment(json.loads(entity.serialize())))

        def set_daemon_address(self, address):
            """Take the address of a daemon, which nothing is sent to."""

    xray_recorder.configure(
        service="shop", sampling=False, emitter=Take(), context_missing="LOG_ERROR"
    )
    XRayMiddleware(app, xray_recorder)


def _xray_segment(segment):
    http = segment.get("http", {})
    return {
        "name": segment["name"],
        "method": http.get("request", {}).get("method"),
        "path": http.get("request", {}).get("url", "").partition("//")[2].partition("/")[2],
        "status": http.get("response", {}).get("status"),
        "fault": [segment.get("error"), segment.get("fault")],
        "errors": [
            error.get("type") for error in (segment.get("cause") or {}).get("exceptions", ())
        ],
        "below": [below["name"] for below in segment.get("subsegments", ())],
    }


# Scout: what would go to its agent.


def watch_scout(app):
    from scout_apm.core.agent.commands import BatchCommand
    from scout_apm.core.agent.socket import CoreAgentSocketThread
    from scout_apm.flask import ScoutApm

    def send(command):
        if isinstance(command, BatchCommand):
            _note_scout(command.message())

    CoreAgentSocketThread.send = staticmethod(send)
    app.config.update(
        SCOUT_MONITOR=True, SCOUT_NAME="shop", SCOUT_CORE_AGENT_LAUNCH=False, SCOUT_KEY="key"
    )
    ScoutApm(app)


def _note_scout(message):
    commands = message["BatchCommand"]["commands"]
    tags = {
        command["TagRequest"]["tag"]: command["TagRequest"]["value"]
        for command in commands
        if "TagRequest" in command
    }
    note(
        spans=[c["StartSpan"]["operation"] for c in commands if "StartSpan" in c],
        path=str(tags.get("path")).partition("?")[0],
        error=tags.get("error"),
    )
