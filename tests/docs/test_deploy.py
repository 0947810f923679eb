"""The files of docs/deploy work: their commands are run, and they say what the server needs."""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from kolben.server.options import key_of, setting_fields
from tests.running import find_free_port, is_open, wait_for
from tests.services import give_up

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "docs" / "deploy"
SCRIPTS = Path(sys.executable).parent
APP = "from flask import Flask\n\napp = Flask(__name__)\napp.get('/')(lambda: 'hello')\n"
INSTRUCTIONS = {"FROM", "ENV", "WORKDIR", "COPY", "RUN", "USER", "EXPOSE", "HEALTHCHECK", "CMD"}


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Run a command line as it is written, in a folder with the app `shop`."""
    (tmp_path / "shop.py").write_text(APP)
    started: list[subprocess.Popen[str]] = []

    def begin(command: list[str], **variables: str) -> subprocess.Popen[str]:
        dropped = ("KOLBEN_", "FLASK_", "PYTHONHASHSEED")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(dropped)}
        path = f"{SCRIPTS}{os.pathsep}{kept['PATH']}"
        program = shutil.which(command[0], path=path)
        assert program is not None
        log = (tmp_path / "log").open("w")
        with log:
            started.append(
                subprocess.Popen(
                    [program, *command[1:]],
                    cwd=tmp_path,
                    env={**kept, "PATH": path, **variables},
                    stdout=log,
                    stderr=log,
                    text=True,
                )
            )
        return started[-1]

    yield begin
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait()


def answer(port: int, path: str) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=20) as response:
        return int(response.status)


def unit() -> configparser.ConfigParser:
    """Read the unit of systemd; an option may stand there several times."""
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(DEPLOY / "shop.service")
    return parser


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        give_up("systemd-analyze is not installed: apt-get install systemd")
    text = (DEPLOY / "shop.service").read_text("utf-8")
    file = tmp_path / "shop.service"
    # It looks whether the program is there.
    file.write_text(text.replace("/srv/shop/.venv/bin/kolben", str(SCRIPTS / "kolben")))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", file], capture_output=True, text=True, check=False
    )
    about_us = [line for line in done.stderr.splitlines() if "shop.service" in line]
    assert [] == about_us


@pytest.mark.slow
def test_the_command_of_the_unit_serves_and_ends_in_time(
    run: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    service = unit()["Service"]
    command = shlex.split(service["ExecStart"])
    assert "/srv/shop/.venv/bin/kolben" == command[0]
    assert "/run/shop/kolben.sock" in command
    own = {"/srv/shop/.venv/bin/kolben": "kolben", "/run/shop/kolben.sock": "kolben.sock"}
    process = run([own.get(word, word) for word in command])
    wait_for(lambda: "2 workers" in (tmp_path / "log").read_text(), 30)
    assert (tmp_path / "kolben.sock").is_socket()
    process.send_signal(signal.SIGTERM)
    assert 0 == process.wait(30)
    grace_s = int(command[command.index("--stop-timeout") + 1])
    assert int(service["TimeoutStopSec"]) > grace_s


def dockerfile() -> list[tuple[str, str]]:
    """Read instructions with their arguments."""
    text = (DEPLOY / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in lines)]


@pytest.mark.slow
def test_the_image_serves_and_its_health_is_asked(
    run: Callable[..., subprocess.Popen[str]],
) -> None:
    found = dockerfile()
    assert set(INSTRUCTIONS) == {name for name, _ in found}
    said = dict(found)
    assert "root" != said["USER"]
    names = re.findall(r"(\w+)=(\S+)", said["ENV"])
    assert ("KOLBEN_SERVE_HOST", "0.0.0.0") in names
    port = find_free_port()
    variables = {**dict(names), "KOLBEN_SERVE_PORT": str(port), "KOLBEN_SERVE_HOST": "127.0.0.1"}
    process = run(json.loads(said["CMD"]), **variables)
    wait_for(lambda: is_open(port), 30)
    assert 200 == answer(port, "/")
    check = json.loads(said["HEALTHCHECK"].partition("CMD ")[2])
    assert 0 == run(check, **variables).wait(30)
    process.send_signal(signal.SIGTERM)
    assert 0 == process.wait(30)
    # Nobody answers: the container is not healthy.
    assert 1 == run(check, **variables).wait(30)


def manifest() -> dict[str, Any]:
    """Read the pod of the manifest, whose service must lead to it."""
    deployment, service = yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text("utf-8"))
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert labels == deployment["spec"]["selector"]["matchLabels"] == service["spec"]["selector"]
    pod: dict[str, Any] = deployment["spec"]["template"]["spec"]
    (port,) = service["spec"]["ports"]
    assert port["targetPort"] in [one["name"] for one in pod["containers"][0]["ports"]]
    return pod


@pytest.mark.slow
def test_the_pod_answers_its_probes_and_ends_in_time(
    run: Callable[..., subprocess.Popen[str]],
) -> None:
    pod = manifest()
    (container,) = pod["containers"]
    command = [*container["command"], *container["args"]]
    variables = {one["name"]: one["value"] for one in container["env"] if "value" in one}
    port = find_free_port()
    variables |= {"KOLBEN_SERVE_PORT": str(port), "KOLBEN_SERVE_HOST": "127.0.0.1"}
    process = run(command, **variables)
    wait_for(lambda: is_open(port), 30)
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert 200 == answer(port, container[probe]["httpGet"]["path"])
    process.send_signal(signal.SIGTERM)
    assert 0 == process.wait(30)
    waits_s = int(container["lifecycle"]["preStop"]["exec"]["command"][1])
    grace_s = int(command[command.index("--stop-timeout") + 1])
    assert pod["terminationGracePeriodSeconds"] > waits_s + grace_s


def test_every_file_is_on_the_page() -> None:
    page = (DEPLOY / "index.md").read_text("utf-8")
    files = {file.name for file in DEPLOY.iterdir()} - {"index.md"}
    assert set() == {name for name in files if f"]({name})" not in page}


def test_the_manual_of_the_server_has_every_option() -> None:
    page = (ROOT / "docs" / "serve.md").read_text("utf-8")
    rows = set(re.findall(r"^\| `--([\w-]+)`", page, re.MULTILINE))
    options = {key_of(one.name) for one in setting_fields()}
    assert options == rows
