"""Two lists of answers, the differences between them, and those that are kept on purpose."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conformance.suites import ConformanceError

KEPT = Path(__file__).parent / "kept.toml"

Answer = Mapping[str, Any]

_LENGTH = "header content-length"

#: The parts of a body: one of them stands in an answer.
_BODY = ("body", "base64", "length", "sha256", "not bytes")


@dataclass(frozen=True)
class Kept:
    """A difference that stays: which requests, which parts of the answer, and why.

    parts: with the body, its length may differ as well.
    status: what Kolben answers; "" where the status is not among the parts.
    """

    ids: tuple[str, ...]
    parts: tuple[str, ...]
    reason: str
    status: str = ""

    def covers(self, name: str) -> bool:
        """Whether a request is one of these."""
        return name in self.ids


@dataclass(frozen=True)
class Difference:
    """One part of one answer that is not what the real Flask answers."""

    part: str
    flask: Any
    kolben: Any


def read_kept() -> list[Kept]:
    """Read kept.toml; each entry must say which requests, which parts and why."""
    found = []
    for entry in tomllib.loads(KEPT.read_text("utf-8")).get("kept", []):
        if missing := {"ids", "parts", "reason"} - entry.keys():
            raise ConformanceError(f"An entry of {KEPT.name} lacks {sorted(missing)}: {entry}")
        found.append(
            Kept(
                tuple(entry["ids"]), tuple(entry["parts"]), entry["reason"], entry.get("status", "")
            )
        )
    return found


def differences(flask: Answer, kolben: Answer) -> list[Difference]:
    """Compare two answers to one request, part by part."""
    found = []
    if any(flask.get(part) != kolben.get(part) for part in _BODY):
        found.append(Difference("body", _body(flask), _body(kolben)))
    flask_headers = [tuple(pair) for pair in flask.get("headers", ())]
    kolben_headers = [tuple(pair) for pair in kolben.get("headers", ())]
    names = {name.lower() for name, _ in [*flask_headers, *kolben_headers]}
    for name in sorted(names):
        ours, theirs = (
            [p for p in pairs if p[0].lower() == name] for pairs in (kolben_headers, flask_headers)
        )
        if ours != theirs:
            found.append(Difference(f"header {name}", theirs, ours))
    others = (flask.keys() | kolben.keys()) - {*_BODY, "headers"}
    rest = (Difference(part, flask.get(part), kolben.get(part)) for part in sorted(others))
    return [*found, *(difference for difference in rest if difference.flask != difference.kolben)]


def _body(answer: Answer) -> dict[str, Any]:
    return {part: answer[part] for part in _BODY if part in answer}


def judge(
    recorded: Mapping[str, Answer], live: Mapping[str, Answer], kept: Iterable[Kept]
) -> dict[str, list[str]]:
    """Tell what is wrong with each answer; an empty list is an answer that is as it should be.

    Wrong is: a difference that is not kept, a kept one that is gone or has another status, a
    request that only one side knows.
    """
    entries = list(kept)
    faults: dict[str, list[str]] = {}
    for name in recorded.keys() | live.keys():
        if name not in live or name not in recorded:
            side = "recorded" if name in recorded else "sent"
            faults[name] = [f"The request is only {side}. Record again: --record"]
            continue
        found = differences(recorded[name], live[name])
        covering = [entry for entry in entries if entry.covers(name)]
        faults[name] = _faults(found, live[name], covering)
    return dict(sorted(faults.items())) | _unused(entries, recorded)


def _faults(found: list[Difference], live: Answer, covering: list[Kept]) -> list[str]:
    allowed = {part for entry in covering for part in entry.parts}
    differing = {difference.part for difference in found}
    implied = {_LENGTH} if "body" in allowed else set()
    unkept = [d for d in found if d.part not in allowed | implied]
    faults = [_tell(difference) for difference in unkept]
    faults += [
        f"{part}: kept as a difference, but equal now" for part in sorted(allowed - differing)
    ]
    for entry in covering:
        if entry.status and live.get("status") != entry.status:
            faults.append(f"status: {live.get('status')!r}, kept as {entry.status!r}")
    return faults


def _tell(difference: Difference) -> str:
    flask, kolben = (_short(value) for value in (difference.flask, difference.kolben))
    return f"{difference.part}: Flask {flask} | Kolben {kolben}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 300 else f"{text[:297]}..."


def _unused(entries: list[Kept], recorded: Mapping[str, Answer]) -> dict[str, list[str]]:
    """Name the ids of kept.toml that no request has."""
    known = {name for entry in entries for name in entry.ids}
    return {f"kept.toml/{name}": ["No request is named so."] for name in known - recorded.keys()}
