"""Flask-DebugToolbar runs unchanged."""

from __future__ import annotations

from tests.extensions.conftest import Run


def test_the_toolbar_is_in_the_page_and_its_panels_answer(on_kolben: Run) -> None:
    found = on_kolben("toolbar")
    for claim in ("toolbar", "word", "logged", "variables", "templates", "routes"):
        assert found[claim], claim
    assert [False, True] == found["profiled"]
    assert 10 == len(found["panels"])
    assert {200} == {status for status, _ in found["links"].values()}
    assert [200, True] == found["links"]["/_debug_toolbar/views/template/KEY"]


def test_what_is_no_page_is_left_alone(on_kolben: Run) -> None:
    found = on_kolben("toolbar")
    assert '{\n  "a": 1\n}\n' == found["json"]
    assert "KeyError('of the view')" == found["fails"]


def test_all_of_it_is_as_on_flask(on_kolben: Run, on_flask: Run) -> None:
    assert on_flask("toolbar") == on_kolben("toolbar")
