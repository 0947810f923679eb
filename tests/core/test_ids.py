"""An id is taken over if it may stand in a log, a trace if the standard knows it."""

from __future__ import annotations

import re

import pytest

from kolben.core.ids import LONGEST_ID, choose_id, read_trace_id

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize(
    "given",
    [
        "1",
        "5b7f2f6e-9a2c-4a57-8c0f-0a8a7c1f2b3d",
        "Root=1-67891233-abcdef012345678912345678",
        "a.b_c:d/e+f@g~h",
        "x" * LONGEST_ID,
    ],
)
def test_an_id_that_is_given_is_taken_over(given: str) -> None:
    assert given == choose_id(given)


@pytest.mark.parametrize(
    "given", [None, "", "x" * (LONGEST_ID + 1), "a b", "a\nb", "\x1b[31m", "é", 'a"b', "a,b", "1\n"]
)
def test_another_one_is_made_in_place_of_what_is_none(given: str | None) -> None:
    one, other = choose_id(given), choose_id(given)
    assert re.fullmatch("[0-9a-f]{32}", one)
    assert one != other


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (f"00-{TRACE}-{PARENT}-01", TRACE),
        (f"01-{TRACE}-{PARENT}-01-more", TRACE),
        (f"00-{TRACE}-{PARENT}-01-more", None),
        (f"ff-{TRACE}-{PARENT}-01", None),
        (f"00-{'0' * 32}-{PARENT}-01", None),
        (f"00-{TRACE}-{'0' * 16}-01", None),
        (f"00-{TRACE.upper()}-{PARENT}-01", None),
        (f"00-{TRACE}-{PARENT}-01\n", None),
        ("", None),
        (None, None),
    ],
)
def test_a_trace_is_read_as_w3c_has_it(given: str | None, expected: str | None) -> None:
    assert expected == read_trace_id(given)
