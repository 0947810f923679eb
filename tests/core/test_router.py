"""The router finds what Werkzeug's MapAdapter matches."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import Map, Rule, UnicodeConverter, ValidationError

from kolben.core.hooks import Hooks
from kolben.core.plan import Plan
from kolben.core.router import Router, RuleMap

PARTS = [
    "a",
    "b",
    "<x>",
    "<int:n>",
    "<float:f>",
    "<any(a,c):w>",
    "<string(length=2):s>",
    "<uuid:u>",
    "<x>-<int:n>",
    "pre<x>",
    "<path:p>",
]
METHODS = [["GET"], ["POST"], ["GET", "POST"], ["OPTIONS"], None]


def plan_of(rule: Rule) -> Plan:
    return Plan(rule, lambda **values: None, Hooks(()), False)


def answer_of(router: Router, method: str, path: str) -> Any:
    found = router.find(method, path)
    if found is None or isinstance(found, frozenset):
        return found
    plan, values = found
    assert plan.rule is not None
    return plan.rule.rule, plan.rule.endpoint, values


def oracle(url_map: Map, method: str, path: str) -> Any:
    adapter = url_map.bind("localhost", "/")
    try:
        rule, values = adapter.match(path, method, return_rule=True)
    except MethodNotAllowed as error:
        return frozenset(error.valid_methods or ())
    except NotFound:
        return frozenset()
    except HTTPException as error:
        return type(error).__name__
    return rule.rule, rule.endpoint, dict(values)


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    parts = draw(st.lists(st.sampled_from(PARTS), min_size=0, max_size=3))
    used: set[str] = set()
    kept = []
    for part in parts:
        name = part.partition(":")[2] or part
        if name not in used and not any(other in part for other in ("<x>",) if other in used):
            kept.append(part)
            used.update({name, *(["<x>"] if "<x>" in part else []), part})
    names = "/".join(kept)
    if names.count("int:n") > 1:
        names = names.replace("-<int:n>", "", 1)
    slash = draw(st.booleans()) or not names
    text = f"/{names}/" if slash and names else f"/{names}"
    return Rule(
        text,
        endpoint=str(draw(st.integers(0, 5))),
        methods=draw(st.sampled_from(METHODS)),
        strict_slashes=draw(st.sampled_from([None, True, False])),
        merge_slashes=draw(st.sampled_from([None, True, False])),
        defaults=draw(st.sampled_from([None, None, {"extra": 1}])),
    )


path_parts = st.sampled_from(
    [
        "a",
        "b",
        "c",
        "ab",
        "7",
        "-1",
        "1.5",
        "a-3",
        "prez",
        "ä",
        "",
        "..",
        "%2f",
        "x/y",
        "12345678-1234-5678-1234-567812345678",
    ]
)
paths = st.builds(
    lambda parts, slash: "/" + "/".join(parts) + ("/" if slash else ""),
    st.lists(path_parts, max_size=4),
    st.booleans(),
)


@settings(max_examples=400, deadline=None)
@given(
    given_rules=st.lists(rules(), max_size=8),
    asked=st.lists(st.tuples(st.sampled_from(["GET", "HEAD", "POST", "PUT", "OPTIONS"]), paths)),
)
def test_finds_what_werkzeug_matches(given_rules: list[Rule], asked: list[tuple[str, str]]) -> None:
    url_map = RuleMap(given_rules)
    router = Router(url_map, plan_of)
    for method, path in asked:
        found = answer_of(router, method, path)
        # None leaves it to Werkzeug; an answer must be Werkzeug's.
        if found is not None:
            assert found == oracle(url_map, method, path)


@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
@pytest.mark.parametrize("rule", ["/n/<int:n>", "/n/<int:n>/more"])
def test_more_digits_than_a_number_may_have_are_no_number(rule: str, method: str) -> None:
    router = Router(RuleMap([Rule(rule, endpoint="e")]), plan_of)
    for digits in (4000, 5000):  # sys.int_info.default_max_str_digits is 4300
        found = router.find(method, rule.replace("<int:n>", "1" * digits))
        assert isinstance(found, tuple) is (digits == 4000)


@pytest.mark.parametrize("rule", ["/n/<low:n>", "/n/<low:n>/more", "/n/<int(max=5):n>"])
@pytest.mark.parametrize(("value", "is_found"), [("5", True), ("6", False)])
def test_a_value_that_its_converter_refuses_is_no_match(
    rule: str, value: str, is_found: bool
) -> None:
    class Low(UnicodeConverter):
        def to_python(self, value: str) -> str:
            if value > "5":
                raise ValidationError
            return value

    rules = [Rule(rule, endpoint="e", methods=["GET"])]
    router = Router(RuleMap(rules, converters={"low": Low}), plan_of)
    path = f"{rule.partition('<')[0]}{value}{rule.rpartition('>')[2]}"
    assert is_found is isinstance(router.find("GET", path), tuple)


@pytest.mark.parametrize(
    ("rule", "method", "path", "values"),
    [
        ("/", "GET", "/", {}),
        ("/a/b", "GET", "/a/b", {}),
        ("/u/<name>", "GET", "/u/ä", {"name": "ä"}),
        ("/n/<int:n>", "GET", "/n/7", {"n": 7}),
        ("/p/<path:p>", "GET", "/p/x/y", {"p": "x/y"}),
        ("/p/<path:p>/", "GET", "/p/x/y/", {"p": "x/y"}),
        ("/p/<path:p>/end", "GET", "/p/x/y/end", {"p": "x/y"}),
        ("/<a>-<int:b>/z", "GET", "/q-3/z", {"a": "q", "b": 3}),
    ],
    ids=["root", "static", "string", "int", "path", "path/", "path inside", "two in a part"],
)
def test_finds_a_plain_rule_itself(
    rule: str, method: str, path: str, values: dict[str, Any]
) -> None:
    router = Router(RuleMap([Rule(rule, endpoint="e", methods=["GET"])]), plan_of)
    assert answer_of(router, method, path) == (rule, "e", values)


@pytest.mark.parametrize(
    ("rule", "method", "path"),
    [
        (Rule("/a/", endpoint="e"), "GET", "/a"),
        (Rule("/a", endpoint="e"), "GET", "//a"),
        (Rule("/a", endpoint="e"), "GET", "a"),
        (Rule("/a", endpoint="e", redirect_to="/b"), "GET", "/a"),
        (Rule("/a", endpoint="e", websocket=True), "GET", "/a"),
        (Rule("/<int(max=3):n>", endpoint="e"), "GET", "/7"),
        (Rule("/<path:p>/", endpoint="e"), "GET", "/x/y"),
    ],
    ids=[
        "missing slash",
        "doubled slash",
        "no slash",
        "redirect_to",
        "websocket",
        "value refused",
        "path without its slash",
    ],
)
def test_leaves_to_werkzeug(rule: Rule, method: str, path: str) -> None:
    assert Router(RuleMap([rule]), plan_of).find(method, path) is None


@pytest.mark.parametrize(
    ("rule", "method", "path", "methods"),
    [
        (Rule("/a", endpoint="e", methods=["GET"]), "GET", "/b", ()),
        (Rule("/a", endpoint="e", methods=["GET"]), "POST", "/a", ("GET", "HEAD")),
        (Rule("/<int:n>", endpoint="e"), "GET", "/x", ()),
        (Rule("/<int:n>", endpoint="e", methods=["PUT"]), "GET", "/1", ("PUT",)),
        (Rule("/<path:p>", endpoint="e", methods=["PUT"]), "GET", "/a/b", ("PUT",)),
        (Rule("/<path:p>/", endpoint="e", methods=["PUT"]), "GET", "/a/b/", ("PUT",)),
        (Rule("/a/", endpoint="e", methods=["GET"]), "POST", "/a", ()),
        (
            Rule("/<x>", endpoint="e", methods=["PUT"], strict_slashes=False),
            "GET",
            "/a/",
            ("PUT",),
        ),
    ],
    ids=[
        "unknown path",
        "other method",
        "converter",
        "value and method",
        "path and method",
        "path, slash and method",
        "slash and method",
        "slash that need not be",
    ],
)
def test_a_miss_tells_the_methods_there_are(
    rule: Rule, method: str, path: str, methods: tuple[str, ...]
) -> None:
    assert Router(RuleMap([rule]), plan_of).find(method, path) == frozenset(methods)


def test_a_miss_at_a_rule_that_is_not_plain_is_left_to_werkzeug() -> None:
    rule = Rule("/a", endpoint="e", methods=["GET"], redirect_to="/b")
    assert Router(RuleMap([rule]), plan_of).find("POST", "/a") is None


def test_a_rule_that_takes_no_slash_matches_without_it() -> None:
    router = Router(RuleMap([Rule("/a/", endpoint="e", strict_slashes=False)]), plan_of)
    assert answer_of(router, "GET", "/a") == ("/a/", "e", {})


def test_a_rule_that_needs_no_slash_matches_with_one() -> None:
    router = Router(RuleMap([Rule("/<x>", endpoint="e", strict_slashes=False)]), plan_of)
    assert answer_of(router, "GET", "/a/") == ("/<x>", "e", {"x": "a"})
    router = Router(
        RuleMap([Rule("/<x>", endpoint="e", strict_slashes=False, methods=["PUT"])]), plan_of
    )
    assert router.find("GET", "/a/") == frozenset({"PUT"})


def test_of_two_rules_for_a_path_the_one_with_the_method_is_found() -> None:
    url_map = RuleMap(
        [
            Rule("/a", endpoint="get", methods=["GET"]),
            Rule("/a", endpoint="post", methods=["POST"]),
            Rule("/a", endpoint="any"),
        ]
    )
    router = Router(url_map, plan_of)
    found = [answer_of(router, method, "/a")[1] for method in ("GET", "POST", "PUT")]
    assert found == ["get", "post", "any"]


def test_a_rule_for_all_methods_hides_a_later_one() -> None:
    url_map = RuleMap([Rule("/a", endpoint="any"), Rule("/a", endpoint="get", methods=["GET"])])
    assert answer_of(Router(url_map, plan_of), "GET", "/a")[1] == "any"


def test_rules_with_defaults_of_one_endpoint_are_left_to_werkzeug() -> None:
    """The longer URL redirects to the shorter one."""
    url_map = RuleMap(
        [Rule("/all/", endpoint="e", defaults={"page": 1}), Rule("/all/<int:page>", endpoint="e")]
    )
    router = Router(url_map, plan_of)
    assert router.find("GET", "/all/1") is None
    assert router.find("GET", "/all/") is None


def test_defaults_are_values_where_nothing_redirects() -> None:
    url_map = RuleMap([Rule("/x/<y>", endpoint="e", defaults={"page": 1})], redirect_defaults=False)
    assert answer_of(Router(url_map, plan_of), "GET", "/x/z")[2] == {"y": "z", "page": 1}


def test_options_gets_the_plan_for_it() -> None:
    options = plan_of(Rule("/options"))

    def with_options(rule: Rule) -> Plan:
        plan = plan_of(rule)
        plan.options = options
        return plan

    url_map = RuleMap([Rule("/a", endpoint="e"), Rule("/<x>", endpoint="f")])
    router = Router(url_map, with_options)
    assert router.find("OPTIONS", "/a") == (options, {})
    assert router.find("OPTIONS", "/b") == (options, {"x": "b"})
    get = router.find("GET", "/b")
    assert isinstance(get, tuple)
    assert get[0] is not options


@pytest.mark.parametrize(
    "url_map",
    [
        Map([Rule("/a", endpoint="e")]),
        RuleMap([Rule("/a", endpoint="e", host="h")], host_matching=True),
        RuleMap([Rule("/a", endpoint="e", subdomain="<who>")]),
    ],
    ids=["a map that does not tell", "hosts", "subdomains"],
)
def test_finds_nothing_in_maps_that_werkzeug_must_decide(url_map: Map) -> None:
    assert Router(url_map, plan_of).find("GET", "/a") is None


def test_a_map_tells_of_its_changes() -> None:
    told = []
    url_map = RuleMap()
    url_map.tell = lambda: told.append("told")
    url_map.add(Rule("/a", endpoint="e"))
    url_map.strict_slashes = False
    url_map.lock_class = object  # type: ignore[misc, assignment]  # decides nothing
    assert told == ["told", "told"]


def test_a_map_without_listener_may_be_changed() -> None:
    url_map = RuleMap()
    url_map.merge_slashes = False
    url_map.add(Rule("/a", endpoint="e"))
    assert [rule.rule for rule in url_map.iter_rules()] == ["/a"]
