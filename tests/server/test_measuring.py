"""Requests are counted by rows that no client can add to."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from kolben.server.measuring import (
    DELAYS_S,
    DURATIONS_S,
    Histogram,
    Measures,
    add_delays,
    add_up,
    add_up_sockets,
    code_label,
    no_delays,
)


def exchange(
    method: str = "GET", route: str | None = "/", status: int = 200, took_s: float | None = 0.1
) -> Any:
    return SimpleNamespace(
        method=method, route=route, status=status, duration_s=took_s, is_socket=False
    )


@pytest.mark.parametrize(
    ("value", "bucket"), [(0.0, 0), (0.005, 0), (0.0051, 1), (10.0, 10), (10.1, 11), (1e9, 11)]
)
def test_a_value_is_counted_below_the_next_bound(value: float, bucket: int) -> None:
    histogram = Histogram(DURATIONS_S)
    histogram.add(value)
    assert [n for n, count in enumerate(histogram.counts) if count] == [bucket]
    assert (histogram.count, histogram.total) == (1, value)


def test_what_a_client_makes_up_has_no_row_of_its_own() -> None:
    measures = Measures()
    for number in range(50):
        measures.note(exchange(f"X{number}", None, 404))
    measures.note(exchange("get", None, 404, None))
    measures.note(exchange("POST", "/users/<int:id>"))
    rows = {row[:3]: row[3] for row in measures.rows()}
    assert rows == {("other", "unmatched", 404): 51, ("POST", "/users/<int:id>", 200): 1}


def test_no_count_is_lost_between_threads() -> None:
    measures = Measures()

    def count() -> None:
        for _ in range(5_000):
            measures.note(exchange())

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ((_, _, _, number, seconds, counts),) = measures.rows()
    assert (number, sum(counts)) == (20_000, 20_000)
    assert seconds == pytest.approx(2_000)


def test_rows_of_several_workers_are_added_up() -> None:
    one, other = Measures(), Measures()
    one.note(exchange(took_s=0.5))
    one.note(exchange("POST"))
    other.note(exchange(took_s=0.25))
    found = {row[:3]: row[3:] for row in add_up(one.rows(), other.rows())}
    count, seconds, counts = found["GET", "/", 200]
    assert (count, seconds, sum(counts)) == (2, 0.75, 2)
    assert found["POST", "/", 200][0] == 1


def test_delays_of_several_workers_are_added_up() -> None:
    histogram = Histogram(DELAYS_S)
    histogram.add(0.002)
    one = (histogram.count, histogram.total, histogram.counts)
    count, seconds, counts = add_delays(add_delays(no_delays(), one), one)
    assert (count, seconds, counts[:3]) == (2, 0.004, [0, 2, 0])


@pytest.mark.parametrize(
    ("code", "label"),
    [(1000, "1000"), (1015, "1015"), (1016, "1xxx"), (3000, "3xxx"), (4999, "4xxx")],
)
def test_close_codes_that_a_client_makes_up_have_one_row(code: int, label: str) -> None:
    assert label == code_label(code)


def test_websockets_of_several_workers_are_added_up() -> None:
    rows = [("opened", "/", "101", 2), ("closed", "/", "1000", 1), ("opened", "/", "101", 3)]
    assert [("opened", "/", "101", 5), ("closed", "/", "1000", 1)] == add_up_sockets(rows)
