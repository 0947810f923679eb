"""Compare a run with the baseline."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from fractions import Fraction

from conformance.results import Outcome, outcome_of

# Of what passes at baseline, excluded tests counted as not passing.
DEMANDED_SHARE = Fraction(99, 100)


@dataclass(frozen=True)
class Verdict:
    """How a run through the drop-in compares with the baseline.

    failing: node id to the reason. stale: exclusions to take out. void: why the run does not count.
    again: those of the passed that failed at first.
    """

    baseline: int
    passed: int
    excluded: dict[str, str]
    failing: dict[str, str]
    stale: list[str]
    void: list[str]
    again: list[str]

    @property
    def share(self) -> Fraction:
        """The share of what passes at baseline that passes here."""
        return Fraction(self.passed, self.baseline) if self.baseline else Fraction(0)

    @property
    def faults(self) -> list[str]:
        """Say why the run is not good enough, one line each; nothing if it is."""
        faults = [f"VOID: {reason}" for reason in self.void]
        if self.failing:
            faults.append(f"{len(self.failing)} that pass on the real Flask fail here")
        if self.share < DEMANDED_SHARE:
            faults.append(f"{percent(self.share)} pass, less than {percent(DEMANDED_SHARE)}")
        return faults + [f"stale exclusion: {reason}" for reason in self.stale]


def judge(
    baseline: list[str],
    outcomes: dict[str, Outcome],
    exclusions: dict[str, str],
    void: list[str],
    again: AbstractSet[str] = frozenset(),
) -> Verdict:
    """Compare what became of each test with the node ids that passed at baseline.

    again: the tests that passed only when they were run once more.
    """
    here = {nodeid: outcome_of(nodeid, outcomes) for nodeid in baseline}
    passed = {nodeid for nodeid, outcome in here.items() if outcome.status == "passed"}
    missed = {nodeid: outcome for nodeid, outcome in here.items() if nodeid not in passed}
    stale = [f"{i} passes: take it out" for i in exclusions if i in passed]
    stale += [f"{i} does not pass on the real Flask: take it out" for i in exclusions.keys() - here]
    return Verdict(
        baseline=len(here),
        passed=len(passed),
        excluded={i: exclusions[i] for i in missed if i in exclusions},
        failing={i: o.why or o.status for i, o in missed.items() if i not in exclusions},
        stale=sorted(stale),
        void=void,
        again=sorted(passed & again),
    )


def percent(share: Fraction) -> str:
    """Write a share with one decimal, rounded down: 99.9 % is not all."""
    tenths = share * 1000 // 1
    return f"{tenths // 10}.{tenths % 10} %"
