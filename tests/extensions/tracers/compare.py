"""What a tracer recorded on Flask and on Kolben, and how the two differ."""

from __future__ import annotations

import json
from typing import Any

from tests.extensions.tracers.runs import SERVED, Record

# Of New Relic: spans of the server's own part of a request, and of the end of a body, which is an
# object of Werkzeug's on Flask and mostly a plain list on Kolben.
_AROUND_THE_APP = (
    "FunctionNode Application",
    "FunctionNode Finalize",
    "FunctionNode Response",
    "FunctionNode flask.app:Flask",
    "FunctionNode flask.app:Flask.wsgi_app",
    "FunctionNode werkzeug.wsgi:ClosingIterator.close",
    "FunctionNode werkzeug.wsgi:FileWrapper.close",
    "FunctionNode _io:BufferedReader.close",
)
# OpenTelemetry takes the target out of the environ where a server put it there, and else the URL.
_OF_THE_SERVER = "http.target"
# Flask 3.1.3 tears a request with `stream_with_context` down twice: docs/drop-in.md.
_STREAM = "a stream"
# Of Datadog: contexts that `kolben serve` pushes when it looks at the app, at the start.
_OF_A_CONTEXT = "flask.do_teardown_appcontext"

# X-Ray keeps a request in its thread; such a stream, which outlives the view, ends in any other
# over these interfaces. Requests that may be missing: by tracer and place.
LACKING = {("xray", "rsgi"): _STREAM, ("xray", "asgi"): _STREAM}


def differences(tracer: str, where: str, flask: Record, kolben: Record) -> list[str]:
    """Return a line for each request of which a tracer recorded something else."""
    found, served = [], where in SERVED
    for name in (flask.keys() | kolben.keys()) - {LACKING.get((tracer, where), "")}:
        theirs, ours = (_comparable(side, name, served) for side in (flask, kolben))
        if theirs != ours:
            missing = [line for line in theirs if line not in ours]
            more = [line for line in ours if line not in theirs]
            found.append(f"{name}: Flask {missing} | Kolben {more}")
    return sorted(found)


def count(record: Record) -> int:
    """Return how many things were recorded of requests."""
    return sum(
        len(noted["spans"]) if isinstance(noted.get("spans"), list) and "name" not in noted else 1
        for name, all_noted in record.items()
        if name != "metrics"
        for noted in all_noted
    )


def _comparable(record: Record, name: str, served: bool) -> list[str]:
    return sorted(
        json.dumps(_kept(noted, name, served), sort_keys=True)
        for noted in record.get(name, ())
        if not (served and _is_of_start(noted))
    )


def _is_of_start(noted: dict[str, Any]) -> bool:
    spans = noted.get("spans")
    return isinstance(spans, list) and [span[0] for span in spans] == [_OF_A_CONTEXT]


def _kept(noted: dict[str, Any], name: str, served: bool) -> dict[str, Any]:
    """Return a note without what may differ."""
    kept = dict(noted)
    if isinstance(noted.get("spans"), list):
        spans = [span for span in noted["spans"] if span not in _AROUND_THE_APP]
        kept["spans"] = spans
        if name == _STREAM:
            kept["spans"] = sorted({json.dumps(span, sort_keys=True) for span in spans})
    if served and "attributes" in noted:
        kept["attributes"] = {k: v for k, v in noted["attributes"].items() if k != _OF_THE_SERVER}
    return kept
