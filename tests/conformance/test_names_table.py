"""Every name in the modules of the installed Flask, compared with what answers here."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.names.table import (
    TABLE,
    ask_flask,
    differences,
    inert_names,
    inert_text,
    lent_names,
    text_of,
)
from conformance.suites import CHECKOUT
from kolben.version import FLASK_VERSION
from tests.user_environment import user_environment

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def flask_answer() -> Any:
    return ask_flask(user_environment())


def test_every_name_and_attribute_of_flask_is_here_and_is_what_it_is_there(
    flask_answer: Any,
) -> None:
    assert sum(map(len, flask_answer["names"].values())) > 500
    assert [] == differences(flask_answer)


def test_the_table_of_lent_names_is_that_of_the_installed_flask(flask_answer: Any) -> None:
    assert TABLE.read_text("utf-8") == text_of(lent_names(flask_answer["names"]), FLASK_VERSION)


def test_the_manual_lists_the_names_whose_patch_does_not_act(flask_answer: Any) -> None:
    manual = (CHECKOUT / "docs" / "drop-in.md").read_text("utf-8")
    inert = inert_names(flask_answer)
    assert inert_text(inert) in manual
    assert "session_interface" not in str(inert) and "g" not in inert["flask.app"]


def test_a_name_that_differs_is_found(flask_answer: Any) -> None:
    wrong = {
        "names": {"flask.app": {"nope": "own function", "Rule": "werkzeug.routing:Map"}},
        "attributes": {"flask.app:Flask": ["run", "nope"]},
    }
    assert [
        "flask.app.nope is missing",
        "flask.app.Rule is <class 'werkzeug.routing.rules.Rule'> instead of"
        " <class 'werkzeug.routing.map.Map'>",
        "flask.app:Flask.nope is missing",
    ] == differences(wrong)
