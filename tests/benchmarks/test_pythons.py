"""Each Python has a row of ratios, which keeps what is missing apart from what is nothing."""

from __future__ import annotations

from benchmarks.figures import tables
from benchmarks.pythons import HEADS, WORKLOADS, interpreter, ratios


def row(workload: str, **found: float) -> dict[str, object]:
    return {"workload": workload, "sides": {name: {"ratio": one} for name, one in found.items()}}


def test_a_row_has_the_ratios_of_both() -> None:
    found = ratios([row(workload, flask=20.5, falcon=1.2) for workload in WORKLOADS[:-1]])
    found |= ratios([row(WORKLOADS[-1], flask=7.0)])
    page = tables({"pythons": {interpreter(): found}})["pythons"]
    *_, last = page.strip().splitlines()
    assert [interpreter(), *["20.5 / 1.2"] * (len(WORKLOADS) - 1), "7 / -"] == [
        cell.strip() for cell in last.strip("|").split("|")
    ]
    assert len(HEADS) == 1 + len(WORKLOADS)
