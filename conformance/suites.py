"""Which upstream suites are run, read from suites.toml."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
CHECKOUT = HERE.parent
WORK = CHECKOUT / ".conformance"


class ConformanceError(Exception):
    """A run that cannot start or cannot be judged; the message holds the cure."""


@dataclass(frozen=True)
class Suite:
    """One upstream suite: where its tests come from and what stands in its environment."""

    name: str
    package: str
    version: str
    sha256: str
    ignore: tuple[str, ...]
    pins: tuple[str, ...]
    flask_pin: str
    kolben_pins: tuple[str, ...]
    # The folder of the sdist that has its tests.
    tests: str = "tests"
    # Options of pytest's that the suite needs here.
    arguments: tuple[str, ...] = ()

    @property
    def flask_version(self) -> str:
        """The version of the real Flask that the baseline is recorded on."""
        return self.flask_pin.partition("==")[2]


def load_suites(path: Path = HERE / "suites.toml") -> dict[str, Suite]:
    """Read the table of suites, in the order in which it is written.

    Raises ConformanceError when a requirement is not pinned to one plain version.
    """
    table = tomllib.loads(path.read_text("utf-8"))
    shared, kolben = table["shared"], table["kolben"]
    suites = {}
    for name, entry in table["suites"].items():
        pins = (*shared["pins"], *entry["pins"])
        for pin in (*pins, *kolben["pins"], shared["flask"]):
            _demand_plain_version(pin, name, path)
        suites[name] = Suite(
            name=name,
            package=entry["package"],
            version=entry["version"],
            sha256=entry["sha256"],
            ignore=tuple(entry.get("ignore", ())),
            pins=pins,
            flask_pin=shared["flask"],
            kolben_pins=tuple(kolben["pins"]),
            tests=entry.get("tests", "tests"),
            arguments=tuple(entry.get("arguments", ())),
        )
    return suites


def _demand_plain_version(pin: str, suite: str, path: Path) -> None:
    name, equals, version = pin.partition("==")
    if not (name and equals and version) or any(sign in version for sign in "*,;=<>~! "):
        raise ConformanceError(
            f"{path.name}: the suite {suite!r} asks for {pin!r}, which is not one plain version. "
            f"Write it as 'name==1.2.3'."
        )
