"""The Sentry SDK runs unchanged."""

from __future__ import annotations

import pytest

from tests.extensions.conftest import Run


@pytest.mark.parametrize(
    ("style", "transaction"), [("url", "/order/<int:number>"), ("endpoint", "order")]
)
def test_an_exception_in_a_view_is_captured(style: str, transaction: str, on_kolben: Run) -> None:
    error, timing, *_ = on_kolben("sentry", style)["events"]
    assert transaction == error["transaction"] == timing["transaction"]
    assert ("event", "transaction") == (error["kind"], timing["kind"])
    assert [["ZeroDivisionError", False]] == error["errors"]
    assert ["order"] == error["last frame"]
    assert "z" == error["own header"]
    assert {
        "method": "POST",
        "url": "http://localhost/order/7",
        "query_string": "a=b",
        "data": {"name": "Ada"},
    } == error["request"]


def test_what_is_handled_or_raised_by_abort_is_no_error(on_kolben: Run) -> None:
    found = on_kolben("sentry", "url")
    assert [500, 500, 200, 418, 404, 404] == found["statuses"]
    events = [event for event in found["events"] if event["kind"] == "event"]
    assert [None, None, "said in a view"] == [event["message"] for event in events]


@pytest.mark.parametrize("style", ["url", "endpoint"])
def test_all_of_it_is_as_on_flask(style: str, on_kolben: Run, on_flask: Run) -> None:
    assert on_flask("sentry", style) == on_kolben("sentry", style)
