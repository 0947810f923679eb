"""A rule that compiles late does all that Werkzeug's does, and raises where that raises."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.routing import Map
from werkzeug.routing import Rule as WerkzeugRule

from kolben import Flask, url_for
from kolben.core.rule import Rule


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Return what Werkzeug compiles from now on: for each function, its append_unknown."""
    done: list[bool] = []
    compile_builder = WerkzeugRule._compile_builder

    def noting(rule: WerkzeugRule, append_unknown: bool = True) -> Any:
        done.append(append_unknown)
        return compile_builder(rule, append_unknown)

    monkeypatch.setattr(WerkzeugRule, "_compile_builder", noting)
    return done


def bound(kind: type[WerkzeugRule], path: str, **options: Any) -> WerkzeugRule:
    rule = kind(path, endpoint="there", **options)
    Map([rule], host_matching="host" in options)
    return rule


def test_a_function_is_compiled_once_when_it_is_first_called(compiled: list[bool]) -> None:
    rule = bound(Rule, "/<int:number>")
    assert compiled == []
    assert rule.build({"number": 1, "q": "a"}) == ("", "/1?q=a")
    assert rule.build({"number": 2}) == ("", "/2")
    assert compiled == [True]
    assert rule.build({"number": 3}, append_unknown=False) == ("", "/3")
    assert compiled == [True, False]


def test_a_refreshed_rule_compiles_anew() -> None:
    rule = bound(Rule, "/old")
    assert rule.build({}) == ("", "/old")
    rule.rule = "/new"
    rule.refresh()
    assert rule.build({}) == ("", "/new")


BUILT: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "text": ("/a b/", {}, {}),
    "not ascii": ("/ä/<x>", {}, {"x": "ö"}),
    "values": ("/<x>-<int:y>", {}, {"x": "a/b", "y": 2, "z": 3}),
    "odd names": ("/<self>/<rule>/<class>", {}, {"self": 1, "rule": 2, "class": 3}),
    "defaults": ("/<x>/<int:y>", {"defaults": {"y": 1}}, {"x": "a"}),
    "a subdomain": ("/<x>", {"subdomain": "<y>"}, {"x": "a", "y": "b"}),
    "a host": ("/<x>", {"host": "<y>.example"}, {"x": "a", "y": "b"}),
}


@pytest.mark.parametrize("append_unknown", [True, False])
@pytest.mark.parametrize(("path", "options", "values"), BUILT.values(), ids=BUILT)
def test_it_builds_what_werkzeug_builds(
    path: str, options: dict[str, Any], values: dict[str, Any], append_unknown: bool
) -> None:
    ours, theirs = (bound(kind, path, **options) for kind in (Rule, WerkzeugRule))
    assert ours.build(values, append_unknown) == theirs.build(values, append_unknown)


WRONG: dict[str, tuple[str, dict[str, Any]]] = {
    "a name twice": ("/<x>/<x>", {}),
    "a name in the subdomain too": ("/<x>", {"subdomain": "<x>"}),
    "no name of a parameter": ("/<None>", {}),
    "another": ("/<__debug__>", {}),
    "no text": ("/\ud800", {}),
    "a default that is no value": ("/<int:x>", {"defaults": {"x": "a"}}),
}


@pytest.mark.parametrize(("path", "options"), WRONG.values(), ids=WRONG)
def test_it_refuses_at_once_what_werkzeug_refuses(path: str, options: dict[str, Any]) -> None:
    with pytest.raises(Exception) as theirs:  # noqa: PT011  # whatever it is
        bound(WerkzeugRule, path, **options)
    with pytest.raises(type(theirs.value)) as ours:
        bound(Rule, path, **options)
    assert str(ours.value) == str(theirs.value)


def test_it_shows_and_compares_as_werkzeug_s_own() -> None:
    class Other(WerkzeugRule):
        pass

    ours, theirs = bound(Rule, "/<x>", methods=["GET"]), bound(WerkzeugRule, "/<x>")
    assert repr(ours).startswith("<Rule '/<x>' (")
    assert ours == bound(Rule, "/<x>")
    assert ours == theirs
    assert theirs == ours
    assert ours != bound(WerkzeugRule, "/<y>")
    assert ours != bound(Other, "/<x>")
    assert bound(Other, "/<x>") != ours
    with pytest.raises(TypeError):
        hash(ours)


def test_an_app_s_rules_are_of_this_class_and_rarely_compiled(compiled: list[bool]) -> None:
    app = Flask(__name__)
    app.get("/<int:number>", endpoint="show")(lambda number: str(number))
    assert {type(rule) for rule in app.url_map.iter_rules()} == {Rule}
    with app.test_request_context():
        assert url_for("show", number=3) == "/3"
    assert app.test_client().get("/3").text == "3"
    assert compiled == []
