"""The environments of the frameworks that Kolben is measured beside.

    python -m benchmarks.peers --make DIR [NAME ...]    make them, or those that are named
    python -m benchmarks.peers --pin DIR                keep the versions that came along

benchmarks/peers.toml says what is in each, benchmarks/peers-pins.json which version of all that
those packages bring along. Every environment is made from the Python that runs this.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
CHECKOUT = HERE.parent
PINS = HERE / "peers-pins.json"
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
DEFAULT = CHECKOUT / "build" / "peers"
# A Python that is told of folders or settings by its caller's shell would not measure its own.
_DROPPED = ("PYTHON", "FLASK_", "KOLBEN_", "GRANIAN_", "OTEL_", "VIRTUAL_ENV")


def environments() -> dict[str, dict[str, Any]]:
    """Read what is in each environment."""
    return tomllib.loads((HERE / "peers.toml").read_text("utf-8"))


def python_of(peers: Path, name: str) -> Path:
    """Return the Python of an environment; it may not be there."""
    return program_of(peers, name, "python")


def program_of(peers: Path, name: str, program: str) -> Path:
    """Return a program of an environment; it may not be there."""
    folder = "Scripts" if os.name == "nt" else "bin"
    return peers.absolute() / name / folder / (f"{program}.exe" if os.name == "nt" else program)


def names_of(name: str) -> set[str]:
    """Return the names of the packages that an environment is for."""
    packages = environments()[name]["packages"]
    return {name, *(p.partition("==")[0].partition("[")[0].lower() for p in packages)}


def installed(peers: Path, name: str) -> dict[str, str]:
    """Return the versions of the packages that an environment is for."""
    command = [str(python_of(peers, name)), "-m", "pip", "list", "--format", "json"]
    done = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    found = {one["name"].lower(): str(one["version"]) for one in json.loads(done.stdout)}
    return {one: found[one] for one in sorted(names_of(name) & found.keys())}


def clean_environ() -> dict[str, str]:
    """Return this process's variables without what would change a Python under measurement."""
    return {name: v for name, v in os.environ.items() if not name.startswith(_DROPPED)}


def make(peers: Path, name: str) -> None:
    """Make an environment anew; raise CalledProcessError when pip cannot."""
    content = environments()[name]
    venv.create(peers / name, clear=True, with_pip=True, symlinks=os.name != "nt")
    wanted = list(content["packages"])
    if "checkout" in content:
        wanted += ["--editable", f"{CHECKOUT}[{content['checkout']}]"]
    with tempfile.TemporaryDirectory() as folder:
        constraints = Path(folder, "constraints.txt")
        constraints.write_text("\n".join(_pins(name)))
        command = [str(python_of(peers, name)), "-m", "pip", "install", "--quiet"]
        command += ["--disable-pip-version-check", "--constraint", str(constraints), *wanted]
        subprocess.run(command, check=True, env=clean_environ())


def _pins(name: str) -> list[str]:
    """Return the versions of all that an environment has; none for another version of Python."""
    kept = json.loads(PINS.read_text("utf-8")) if PINS.exists() else {}
    pins: list[str] = kept["environments"].get(name, []) if kept.get("python") == PYTHON else []
    return pins


def pin(peers: Path) -> None:
    """Keep the versions of all packages of all environments that are there."""
    kept = {}
    for name in environments():
        command = [str(python_of(peers, name)), "-m", "pip", "freeze", "--exclude-editable"]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        kept[name] = done.stdout.split()
    PINS.write_text(json.dumps({"python": PYTHON, "environments": kept}, indent=1) + "\n")


def main() -> None:
    """Make environments, or keep the versions in them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--make", type=Path, metavar="DIR")
    parser.add_argument("--pin", type=Path, metavar="DIR")
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these environments")
    arguments = parser.parse_args()
    failed = []
    if arguments.make:
        for name in arguments.names or environments():
            try:
                make(arguments.make, name)
                print(f"{name}: ready", flush=True)
            except subprocess.CalledProcessError:
                failed.append(name)
                print(f"{name}: pip could not install it", flush=True)
    if arguments.pin:
        pin(arguments.pin)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
