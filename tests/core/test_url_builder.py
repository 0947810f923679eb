"""URLs built without Werkzeug's adapter are those that it builds."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup
from werkzeug.routing import (
    BaseConverter,
    BuildError,
    IntegerConverter,
    Map,
    MapAdapter,
    Rule,
    UnicodeConverter,
    ValidationError,
)

from kolben import Flask, url_for
from kolben.core.router import RuleMap
from kolben.core.url_builder import MOST_PLACES, Builders, place_of_adapter

# Werkzeug as the oracle


class Reversed(BaseConverter):
    """A converter as users write them: it escapes on its own, and refuses some."""

    def to_url(self, value: Any) -> str:
        if value == "refused":
            raise ValidationError
        if value == "broken":
            raise LookupError(value)
        return super().to_url(str(value)[::-1])


CONVERTERS: dict[str, type[BaseConverter]] = {"reversed": Reversed}
NAMES = ["a", "b", "c"]

static_parts = st.sampled_from(["", "x", "a b", "ä", "€%|", "+&.~!$'()*,:;=@?#\"_-"])
converters = st.sampled_from(
    [
        "", "", "string:", "string(length=2):", "path:", "path:", "int:", "int:",
        "int(fixed_digits=3):", "int(signed=True):", "float:", "uuid:", "any(x, 'y z', ü):",
        "reversed:",
    ]
)  # fmt: skip
texts = st.text(max_size=4) | st.sampled_from(["plain", "a/b.css", "/", "a b", "x", "y z", "1"])
numbers = st.integers(-9, 2000)
rare = st.one_of(
    st.booleans(),
    st.none(),
    st.floats(allow_nan=False),
    st.uuids(),
    st.lists(texts | numbers | st.none(), max_size=2),
    st.sampled_from(["refused", "broken", b"b", Markup("<i>"), 1 + 2j, ("a", 1), {"a": "b"}]),
)
values_of_rules = st.fixed_dictionaries(
    dict.fromkeys(NAMES, st.one_of(numbers, numbers, numbers, numbers, texts, rare)),
    optional={"d": st.integers(0, 2)},
)
query_names = st.sampled_from(
    ["q", "page", "per_page", "class", "self", "q", "page", "ä", "a b", ".self", ""]
)
queries = st.dictionaries(query_names, texts | numbers | texts | rare, max_size=2)


@st.composite
def rules(draw: Callable[..., Any]) -> Rule:
    path = draw(st.sampled_from(["/", "/", "//"]))
    for name in draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=3)):
        path += f"{draw(static_parts)}<{draw(converters)}{name}>"
        path += draw(st.sampled_from(["/", "/", "//", "-", ".html/"]))
    options: dict[str, Any] = {"endpoint": "there"}
    for option, choices in {
        "methods": [None] * 6 + [["GET"], ["POST"]],
        "defaults": [None] * 4 + [{"d": 1}, {"c": 1, "d": 2}],
        "subdomain": [None] * 8 + ["s"],
        "alias": [False, True],
        "build_only": [False, True],
    }.items():
        options[option] = draw(st.sampled_from(choices))
    options["websocket"] = options["methods"] is None and not draw(st.integers(0, 8))
    return Rule(path + draw(static_parts), **options)


@st.composite
def maps(draw: Callable[..., Any]) -> RuleMap:
    url_map = RuleMap(converters=CONVERTERS, sort_parameters=not draw(st.integers(0, 6)))
    for rule in draw(st.lists(rules(), min_size=1, max_size=2)):
        try:
            url_map.add(rule)
        except (ValueError, TypeError):  # the default of one is no value for its converter
            url_map = RuleMap(converters=CONVERTERS)
            url_map.add(Rule("/", endpoint="there"))
    return url_map


def said_by(build: Callable[[], str | None]) -> Any:
    """Return what building gives, or the kind of error that it raises."""
    try:
        return build()
    except Exception as error:  # noqa: BLE001  # whatever it is
        return type(error)


@given(
    url_map=maps(),
    values=values_of_rules,
    missing=st.sampled_from([None] * 9 + NAMES),
    query=queries,
    root=st.sampled_from(["/", "", "/root", "/root/", "//", "/ä b"]),
    method=st.sampled_from([None] * 6 + ["GET", "POST", "get"]),
    scheme=st.sampled_from([None] * 6 + ["http", "https", "wss", "", "ftp"]),
    external=st.booleans(),
    bound_to=st.sampled_from([("http", "GET"), ("https", "POST")]),
)
def test_what_is_built_is_what_werkzeug_builds(
    url_map: RuleMap,
    values: dict[str, Any],
    missing: str | None,
    query: dict[str, Any],
    root: str,
    method: str | None,
    scheme: str | None,
    external: bool,
    bound_to: tuple[str, str],
) -> None:
    given = {name: value for name, value in {**values, **query}.items() if name != missing}
    before = dict(given)
    adapter = url_map.bind(
        "Example.com:80", root, url_scheme=bound_to[0], default_method=bound_to[1]
    )
    place = place_of_adapter(adapter, url_map)
    assert place is not None
    expected = said_by(
        lambda: adapter.build(
            "there", given, method=method, url_scheme=scheme, force_external=external
        )
    )
    built = Builders(url_map, True).build(place, "there", given, method, scheme, external)
    assert built is None or built == expected
    assert given == before


# What is usual needs no adapter.

usual_values = st.one_of(
    st.tuples(st.sampled_from(["", "string:", "path:"]), texts | numbers),
    st.tuples(st.sampled_from(["int:", "int(signed=True):"]), numbers),
)


@given(
    parts=st.lists(st.tuples(static_parts, usual_values), max_size=3),
    query=st.dictionaries(
        st.sampled_from(["q", "page", "class", "A1_"]),
        texts | numbers | st.booleans() | st.none(),
        max_size=3,
    ),
    root=st.sampled_from(["/", "/root", "/ä b/"]),
    external=st.booleans(),
    methods=st.sampled_from([None, ["GET"], ["GET", "POST"]]),
)
def test_what_is_usual_is_built(
    parts: list[tuple[str, tuple[str, Any]]],
    query: dict[str, Any],
    root: str,
    external: bool,
    methods: list[str] | None,
) -> None:
    path = "/"
    values = dict(query)
    for name, (static, (converter, value)) in zip(NAMES, parts, strict=False):
        path += f"{static}<{converter}{name}>/"
        values[name] = value
    url_map = RuleMap([Rule(path, endpoint="there", methods=methods)])
    adapter = url_map.bind("example.com", root)
    place = place_of_adapter(adapter, url_map)
    assert place is not None
    url = Builders(url_map, True).build(place, "there", values, None, None, external)
    assert url == adapter.build("there", values, force_external=external)


class Positive(IntegerConverter):
    """A converter like Werkzeug's, with a name of its own."""


class Loud(UnicodeConverter):
    """One that changes what it is given."""

    def to_url(self, value: Any) -> str:
        return super().to_url(value.upper())


def built(
    rule: str | list[Rule], values: dict[str, Any], *, method: str | None = None, **options: Any
) -> str | None:
    """Build without an adapter, and compare where that gives a URL."""
    url_map = RuleMap(converters={"positive": Positive, "loud": Loud})
    for added in [Rule(rule, **options)] if isinstance(rule, str) else rule:
        added.endpoint = "there"
        url_map.add(added)
    adapter = url_map.bind("example.com")
    place = place_of_adapter(adapter, url_map)
    assert place is not None
    url = Builders(url_map, True).build(place, "there", values, method, None, False)
    assert url in {None, said_by(lambda: adapter.build("there", values, method=method))}
    return url


SOME_ID = uuid.UUID(int=1)


@pytest.mark.parametrize(
    ("rule", "values", "url"),
    [
        ("/", {}, "/"),
        ("/a b/ä", {}, "/a%20b/%C3%A4"),
        ("/a/", {}, "/a/"),
        ("/<x>", {"x": "plain"}, "/plain"),
        ("/<x>", {"x": "ä /?"}, "/%C3%A4%20/%3F"),
        ("/<x>", {"x": 1}, "/1"),
        ("/<x>", {"x": Markup("a b")}, "/a%20b"),
        ("/<path:x>/end", {"x": "a/b.css"}, "/a/b.css/end"),
        ("/<path:x>", {"x": "/a"}, "/a"),
        ("/<int:x>/<int:y>-z", {"x": 1, "y": -20}, "/1/-20-z"),
        ("/<int:x>", {"x": "7"}, "/7"),
        ("/<int:x>", {"x": True}, "/1"),
        ("/<int(fixed_digits=3):x>", {"x": 7}, "/007"),
        ("/<positive:x>", {"x": 7}, "/7"),
        ("/<float:x>", {"x": 1}, "/1.0"),
        ("/<uuid:x>", {"x": SOME_ID}, f"/{SOME_ID}"),
        ("/<any(a, b):x>", {"x": "b"}, "/b"),
        ("/<loud:x>", {"x": "a"}, "/A"),
        ("/", {"q": "plain", "page": 2, "all": True}, "/?q=plain&page=2&all=True"),
        ("/", {"q": "ä b+/?"}, "/?q=%C3%A4+b%2B/?"),
        ("/", {"q": "a.b"}, "/?q=a.b"),
        ("/", {"q": None}, "/"),
        ("/", {"q": None, "p": 1}, "/?p=1"),
        ("/<x>", {"q": 1, "x": "a"}, "/a?q=1"),
    ],
)
def test_a_url_is_built_without_an_adapter(rule: str, values: dict[str, Any], url: str) -> None:
    assert built(rule, values) == url


@pytest.mark.parametrize(
    ("values", "url"),
    [
        ({}, "/list/"),
        ({"page": 1}, "/list/"),
        ({"page": 2}, "/list/2"),
        ({"page": None}, "/list/"),
        ({"page": 2, "user": 3}, "/of/3/2"),
        ({"page": 2, "user": None}, "/list/2"),
        ({"user": 3}, None),
        ({"q": "x"}, "/list/?q=x"),
    ],
)
def test_of_several_rules_the_first_that_takes_the_values_is_built(
    values: dict[str, Any], url: str | None
) -> None:
    rules = [
        Rule("/list/", defaults={"page": 1}),
        Rule("/list/<int:page>"),
        Rule("/of/<int:user>/<int:page>"),
    ]
    if url is None:  # a query
        url = "/list/?user=3"
    assert built(rules, values) == url


def test_a_method_that_all_rules_take_is_no_matter() -> None:
    assert built("/", {}, methods=["GET", "POST"], method="POST") == "/"
    assert built("/", {}, method="PATCH") == "/"


# What is not known before is Werkzeug's.


@pytest.mark.parametrize(
    ("rule", "values"),
    [
        ("/<x>", {}),
        ("/<x>", {"y": 1}),
        ("/<x>", {"x": None}),
        ("/<int:x>", {"x": "no number"}),
        ("/<any(a, b):x>", {"x": "c"}),
        ("/", {"q": ["a", "b"]}),
        ("/", {"q": b"bytes"}),
        ("/", {"q": 1.5}),
        ("/", {"a b": "c"}),
        ("/", {"ä": "c"}),
    ],
)
def test_values_that_are_not_usual_are_left_to_werkzeug(rule: str, values: dict[str, Any]) -> None:
    assert built(rule, values) is None


class OwnRule(Rule):
    """A rule that decides itself when it fits."""

    def suitable_for(self, values: Any, method: str | None = None) -> bool:
        return False


@pytest.mark.parametrize(
    "rule",
    [
        [Rule("/", methods=["GET"]), Rule("/post", methods=["POST"])],
        [Rule("/", subdomain="s")],
        [Rule("/", websocket=True)],
        [Rule("/<x>", defaults={"x": "a"})],
        [OwnRule("/")],
    ],
    ids=["methods", "subdomain", "websocket", "default in the path", "own class"],
)
def test_rules_that_depend_on_more_are_left_to_werkzeug(rule: list[Rule]) -> None:
    assert said_by(lambda: built(rule, {})) is None


def test_a_method_that_no_rule_takes_is_left_to_werkzeug() -> None:
    assert built("/", {}, methods=["GET"], method="POST") is None


def test_several_rules_of_which_none_takes_the_values_are_left_to_werkzeug() -> None:
    assert built([Rule("/<x>"), Rule("/<y>/<z>")], {"y": 1}) is None


@pytest.mark.parametrize("url_map", [Map(), RuleMap(host_matching=True)], ids=["class", "hosts"])
def test_maps_that_depend_on_more_are_left_to_werkzeug(url_map: Map) -> None:
    url_map.add(Rule("/", endpoint="there", host="example.com"))
    plain = RuleMap()
    place = place_of_adapter(plain.bind("example.com"), plain)
    assert place is not None
    assert Builders(url_map, True).build(place, "there", {}, None, None, False) is None


def test_sorted_queries_are_left_to_werkzeug() -> None:
    url_map = RuleMap([Rule("/", endpoint="there")])
    place = place_of_adapter(url_map.bind("example.com"), url_map)
    assert place is not None
    builders = Builders(url_map, True)
    assert builders.build(place, "there", {"q": 1}, None, None, False) == "/?q=1"
    url_map.sort_parameters = True
    assert builders.build(place, "there", {"q": 1}, None, None, False) is None
    assert builders.build(place, "there", {}, None, None, False) == "/"


class OwnAdapter(MapAdapter):
    """An adapter that may build as it likes."""


def test_only_a_plain_adapter_of_the_map_tells_a_place() -> None:
    url_map = RuleMap()
    plain = url_map.bind("example.com")
    assert place_of_adapter(plain, url_map) is not None
    assert place_of_adapter(plain, RuleMap()) is None
    assert place_of_adapter(url_map.bind("example.com", subdomain="s"), url_map) is None
    assert place_of_adapter(url_map.bind("example.com", url_scheme="ws"), url_map) is None
    own = OwnAdapter(url_map, "example.com", "/", "", "http", "/", "GET")
    assert place_of_adapter(own, url_map) is None


# Places of requests


@pytest.fixture
def app() -> Flask:
    app = Flask("app")
    app.add_url_rule("/x", "x")
    return app


def in_a_request(app: Flask, **options: Any) -> tuple[str, bool]:
    """Build a URL in a request; return it, and whether an adapter was made for it."""
    with app.test_request_context(**options) as context:
        url = url_for("x", _external=True)
        assert context.url_adapter is not None
        assert url == context.url_adapter.build("x", force_external=True)
        first = context.__dict__.pop("url_adapter")
        assert first is not None
    with app.test_request_context(**options) as context:
        for _ in range(2):
            assert url_for("x", _external=True) == url
        return url, "url_adapter" in context.__dict__


@pytest.mark.parametrize(
    ("options", "url", "makes_adapter"),
    [
        ({}, "http://localhost/x", False),
        ({"base_url": "https://Example.com:444/root"}, "https://example.com:444/root/x", False),
        ({"base_url": "http://example.com:80"}, "http://example.com/x", False),
        ({"base_url": "http://ä.example"}, "http://xn--4ca.example/x", False),
        ({"headers": {"Upgrade": "h2c"}}, "http://localhost/x", True),
        ({"environ_overrides": {"wsgi.url_scheme": "gopher"}}, "http://localhost/x", True),
    ],
    ids=["usual", "root", "port", "IDNA", "upgrade", "scheme"],
)
def test_the_place_of_a_request_is_its_adapters(
    app: Flask, options: dict[str, Any], url: str, makes_adapter: bool
) -> None:
    assert in_a_request(app, **options) == (url, makes_adapter)


def test_without_a_host_the_adapter_is_asked(app: Flask) -> None:
    with app.test_request_context() as context:
        context.request.environ["SERVER_PROTOCOL"] = "HTTP/1.0"
        del context.request.environ["HTTP_HOST"]
        assert url_for("x", _external=True) == "http://localhost/x"
        assert "url_adapter" in context.__dict__


def test_the_servers_name_is_the_place(app: Flask) -> None:
    assert in_a_request(app)[0] == "http://localhost/x"
    app.config["SERVER_NAME"] = "example.com"
    assert in_a_request(app) == ("http://example.com/x", False)


def test_where_hosts_are_checked_each_request_is_asked(app: Flask) -> None:
    app.config["TRUSTED_HOSTS"] = ["localhost"]
    assert in_a_request(app) == ("http://localhost/x", True)
    app.config["TRUSTED_HOSTS"] = None
    with app.test_request_context() as context:
        context.request.trusted_hosts = ["localhost"]
        assert url_for("x") == "/x"
        assert "url_adapter" in context.__dict__


def test_an_adapter_of_the_users_is_asked(app: Flask) -> None:
    class Own(Flask):
        def create_url_adapter(self, request: Any) -> Any:
            adapter = super().create_url_adapter(request)
            assert adapter is not None
            adapter.script_name = "/own/"
            return adapter

    mine = Own("mine")
    mine.add_url_rule("/x", "x")
    with mine.test_request_context():
        assert url_for("x") == "/own/x"
    with app.test_request_context() as context:
        assert url_for("x") == "/x"
        adapter = context.url_adapter
        assert adapter is not None
        adapter.script_name = "/changed/"
        assert url_for("x") == "/changed/x"
        context.url_adapter = app.url_map.bind("other", "/put")
        assert url_for("x") == "/put/x"


def test_a_request_whose_host_is_refused_has_no_place(app: Flask) -> None:
    with app.test_request_context(headers={"Host": "a b"}) as context:
        for _ in range(2):
            with pytest.raises(RuntimeError, match="SERVER_NAME"):
                url_for("x")
        assert context.url_adapter is None


def test_only_so_many_places_are_kept(app: Flask) -> None:
    for number in range(MOST_PLACES + 2):
        with app.test_request_context(base_url=f"http://host{number}"):
            assert url_for("x", _external=True) == f"http://host{number}/x"
    assert in_a_request(app)[1] is False
    assert 0 < len(app.engine.builders._places) < MOST_PLACES


# A changed map


def test_a_changed_map_has_new_builders(app: Flask) -> None:
    with app.test_request_context():
        assert url_for("x") == "/x"
        with pytest.raises(BuildError):
            url_for("late", n=1)
        app.add_url_rule("/late/<int:n>", "late")
        assert url_for("late", n=1) == "/late/1"
        app.url_map.add(Rule("/x/<int:n>", endpoint="x"))
        assert url_for("x", n=1) == "/x/1"
        assert url_for("x") == "/x"


def test_names_that_are_no_endpoints_are_not_kept(app: Flask) -> None:
    with app.test_request_context():
        for number in range(3):
            with pytest.raises(BuildError):
                url_for(f"no{number}")
        assert not app.engine.builders._of_endpoint
