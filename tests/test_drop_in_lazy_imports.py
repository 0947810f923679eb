"""With Python 3.15's lazy imports the drop-in is loaded all the same, or it is told."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.fresh_interpreter import Interpreter

pytestmark = pytest.mark.skipif(
    sys.version_info < (3, 15), reason="lazy imports came with Python 3.15"
)

LAZILY = "lazy import kolben.drop_in"
# What stands for the installed Flask: a module of that name ahead on the path.
OTHER_FLASK = "__version__ = 'the other'\n"
ASK = "import flask; print(flask.__name__)"


@pytest.fixture
def beside_another(python: Interpreter) -> Interpreter:
    """Interpreters in whose folder another `flask` lies."""
    (python.directory / "flask.py").write_text(OTHER_FLASK, "utf-8")
    return python


@pytest.mark.parametrize("options", [(), ("-X", "lazy_imports=all")], ids=["as written", "all"])
def test_the_call_loads_it_however_it_is_imported(
    beside_another: Interpreter, options: tuple[str, ...]
) -> None:
    for line in (LAZILY, LAZILY.removeprefix("lazy ")):
        code = f"{line}\nkolben.drop_in.install()\n{ASK}"
        done = beside_another.start(*options, "-c", code)
        assert ("kolben\n", "") == (done.stdout, done.stderr)


def test_without_the_call_it_is_the_other_and_kolben_says_so_when_it_is_used(
    beside_another: Interpreter,
) -> None:
    assert "flask" == beside_another.run(f"{LAZILY}\n{ASK}")
    last_line = beside_another.fail(f"{LAZILY}\n{ASK}\nkolben.drop_in")
    assert "call `kolben.drop_in.install()` in the line after that import" in last_line


@pytest.mark.parametrize(("call", "files"), [("", 1), ("kolben.drop_in.install()\n", 0)])
def test_the_doctor_names_the_file(python: Interpreter, call: str, files: int) -> None:
    shop = python.directory / "shop.py"
    shop.write_text(f"{LAZILY}\n{call}from flask import Flask\napp = Flask(__name__)\n", "utf-8")
    done = python.start("-m", "kolben", "--app", "shop", "doctor", "--json")
    reasons = [
        finding["reason"]
        for finding in json.loads(done.stdout)["findings"]
        if finding["check"] == "drop-in"
    ]
    assert files == len(reasons)
    assert all(Path(reason.split(" imports ")[0]) == shop for reason in reasons)
