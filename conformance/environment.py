"""Build the throw-away environments that suites run in, and keep them until their pins change."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sysconfig
import venv
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from conformance.suites import CHECKOUT, HERE, WORK, ConformanceError, Suite

# With any of these the caller's shell would decide what the suites see.
_DROPPED_PREFIXES = ("PYTHON", "PYTEST", "FLASK_", "KOLBEN_", "COV_", "COVERAGE_", "VIRTUAL_ENV")


class Variant(Enum):
    """Which Flask an environment holds."""

    BASELINE = "baseline"
    BESIDE = "beside"
    WITHOUT_FLASK = "without-flask"

    @property
    def has_real_flask(self) -> bool:
        """Whether the real Flask is installed there."""
        return self is not Variant.WITHOUT_FLASK

    @property
    def has_kolben(self) -> bool:
        """Whether Kolben is installed there, and its alias live."""
        return self is not Variant.BASELINE


@dataclass(frozen=True)
class Environment:
    """A virtual environment on disk."""

    folder: Path

    @property
    def scripts(self) -> Path:
        """The folder of its commands."""
        return Path(sysconfig.get_path("scripts", "venv", vars={"base": str(self.folder)}))

    @property
    def site_packages(self) -> Path:
        """The folder that its packages are installed in and its .pth files are read from."""
        return Path(sysconfig.get_path("purelib", "venv", vars={"base": str(self.folder)}))

    @property
    def audit_folder(self) -> Path:
        """Where its interpreters leave their records; they keep none while it does not exist."""
        return self.folder / "audit"

    def command(self, *arguments: str | Path) -> list[str]:
        """Return the command line of its interpreter with the arguments."""
        name = "python.exe" if os.name == "nt" else "python"
        return [str(self.scripts / name), *map(str, arguments)]

    def environ(self) -> dict[str, str]:
        """Return the variables for a process in it, the caller's Python settings gone."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(_DROPPED_PREFIXES)}
        kept["VIRTUAL_ENV"] = str(self.folder)
        kept["PATH"] = os.pathsep.join((str(self.scripts), kept.get("PATH", "")))
        return kept

    def run(self, *arguments: str | Path) -> None:
        """Run its interpreter; raise ConformanceError with what it printed when it fails."""
        command = self.command(*arguments)
        done = subprocess.run(
            command, env=self.environ(), capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise ConformanceError(
                f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
            )


def suite_environment(suite: Suite, variant: Variant) -> Environment:
    """Return the environment for a suite, building it when its pins are not those on disk.

    Kolben itself is installed editable, so a change in its code needs no new environment.
    """
    pins = wanted_pins(suite, variant)
    prefix = f"{suite.name}-{variant.value}-"
    environment = Environment(WORK / "environments" / f"{prefix}{_fingerprint(pins, variant)}")
    ready = environment.folder / "ready"
    if not ready.exists():
        for outdated in environment.folder.parent.glob(prefix + "[0-9a-f]" * 12):
            shutil.rmtree(outdated)
        _create(environment)
        environment.run("-m", "pip", "install", "--quiet", "--no-deps", *pins)
        if variant.has_kolben:
            _install_kolben(environment)
        ready.touch()
    if variant.has_kolben:
        # Before each run: what the command writes is as much under test as the modules.
        enable_alias(environment)
    _place_observers(environment)
    return environment


def bare_environment() -> Environment:
    """Return an environment with nothing but pip, to fetch with."""
    environment = Environment(WORK / "environments" / f"bare-{platform.python_version()}")
    ready = environment.folder / "ready"
    if not ready.exists():
        _create(environment)
        ready.touch()
    return environment


def wanted_pins(suite: Suite, variant: Variant) -> list[str]:
    """Return all that an environment holds besides Kolben, sorted."""
    pins = {*suite.pins}
    if variant.has_real_flask:
        pins.add(suite.flask_pin)
    if variant.has_kolben:
        pins.update(suite.kolben_pins)
    return sorted(pins)


def enable_alias(environment: Environment) -> None:
    """Make every interpreter of the environment answer `import flask` with Kolben."""
    environment.run("-m", "kolben", "drop-in", "enable")


def _fingerprint(pins: list[str], variant: Variant) -> str:
    parts = [platform.python_implementation(), platform.python_version(), str(CHECKOUT), *pins]
    if variant.has_kolben:
        # The editable install copies Kolben's metadata from here.
        parts.append((CHECKOUT / "pyproject.toml").read_text("utf-8"))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def _create(environment: Environment) -> None:
    builder = venv.EnvBuilder(clear=True, symlinks=os.name != "nt", with_pip=True)
    builder.create(environment.folder)


def _install_kolben(environment: Environment) -> None:
    environment.run("-m", "pip", "install", "--quiet", "--no-deps", "--editable", CHECKOUT)
    check = subprocess.run(
        environment.command("-m", "pip", "check"),
        env=environment.environ(),
        capture_output=True,
        text=True,
        check=False,
    )
    unmet = [line for line in check.stdout.splitlines() if line.startswith("kolben ")]
    if unmet:
        raise ConformanceError(
            f"suites.toml lacks a version that Kolben needs: {'; '.join(unmet)}. "
            f"Add it to the pins of [kolben]."
        )


def _place_observers(environment: Environment) -> None:
    """Put the two observers of a run where every interpreter of the environment finds them.

    Before each run, for they change without the pins changing.
    """
    for source in (HERE / "inside").glob("conformance_*.py"):
        shutil.copy(source, environment.site_packages / source.name)
    # .pth files are read in the order of their names: this one before all others.
    line = environment.site_packages / "__conformance_audit.pth"
    line.write_text("import conformance_audit\n", "utf-8")
