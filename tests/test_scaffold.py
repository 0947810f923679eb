"""App and blueprint find their folders, and register views, hooks and handlers, the same way."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from jinja2 import FileSystemLoader
from werkzeug.exceptions import NotFound

from kolben import Blueprint, Flask, current_app, render_template_string, request, url_for
from kolben.scaffold import Scaffold, find_package, setupmethod

MADE: dict[str, Callable[..., Scaffold]] = {
    "app": lambda **options: Flask("app", **options),
    "blueprint": lambda **options: Blueprint("part", "app", **options),
}


@pytest.fixture(params=MADE)
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Scaffold]:
    """Make an app, or a blueprint, in an empty folder."""
    return lambda **options: MADE[request.param](root_path=str(tmp_path), **options)


def client_of(owner: Scaffold) -> Any:
    """Return a client of an app, or of one that has the blueprint."""
    if isinstance(owner, Flask):
        return owner.test_client()
    app = Flask("app", static_folder=None)
    app.testing = True
    assert isinstance(owner, Blueprint)
    app.register_blueprint(owner)
    return app.test_client()


# Folders and files.

STATIC: dict[str, tuple[dict[str, Any], str | None, str | None]] = {
    "a name": ({"static_folder": "files"}, "files", "/files"),
    "a path in the root": ({"static_folder": "a/files/"}, "a/files", "/files"),
    "a path object": ({"static_folder": Path("files")}, "files", "/files"),
    "an absolute path": ({"static_folder": "/srv/files"}, "/srv/files", "/files"),
    "a URL of its own": (
        {"static_folder": "files", "static_url_path": "/assets/"},
        "files",
        "/assets",
    ),
    "the root's own URL": ({"static_folder": "files", "static_url_path": ""}, "files", ""),
    "the root itself": ({"static_folder": ""}, "", ""),
    "none": ({"static_folder": None}, None, None),
    "none, but a URL": ({"static_folder": None, "static_url_path": "/x"}, None, "/x"),
}


@pytest.mark.parametrize(("options", "folder", "url"), STATIC.values(), ids=STATIC)
def test_where_static_files_are(
    tmp_path: Path,
    make: Callable[..., Scaffold],
    options: dict[str, Any],
    folder: str | None,
    url: str | None,
) -> None:
    owner = make(**options)
    assert owner.static_folder == (None if folder is None else os.path.join(tmp_path, folder))
    assert owner.static_url_path == url
    assert owner.has_static_folder is (folder is not None)


def test_the_static_folder_may_be_moved_and_taken_away(make: Callable[..., Scaffold]) -> None:
    owner = make(static_folder="files")
    owner.static_folder = "/other"
    owner.static_url_path = "/there/"
    assert (owner.static_folder, owner.static_url_path) == ("/other", "/there")
    owner.static_folder = None
    owner.static_url_path = None
    assert (owner.static_folder, owner.static_url_path) == (None, None)


def test_a_static_file_is_served_from_its_owners_folder(
    tmp_path: Path, make: Callable[..., Scaffold]
) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "a.txt").write_text("in the file")
    owner = make(static_folder="files")
    client = client_of(owner)
    with client.get("/files/a.txt") as found:
        assert (found.status_code, found.text) == (200, "in the file")
    assert client.get("/files/b.txt").status_code == 404


def test_no_static_file_is_served_without_a_folder(make: Callable[..., Scaffold]) -> None:
    with pytest.raises(RuntimeError, match=r"no static_folder to serve 'a\.txt' from"):
        make(static_folder=None).send_static_file("a.txt")


AGES = {"unset": (None, None), "seconds": (60, 60), "a timedelta": (timedelta(minutes=2), 120)}


@pytest.mark.parametrize(("setting", "age"), AGES.values(), ids=AGES)
def test_how_long_files_are_cached(
    app: Flask, make: Callable[..., Scaffold], setting: Any, age: int | None
) -> None:
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = setting
    with app.app_context():
        assert make().get_send_file_max_age("a.txt") == age


def test_an_overridden_max_age_is_asked_with_the_files_name(tmp_path: Path) -> None:
    class ByEnding(Blueprint):
        def get_send_file_max_age(self, filename: str | None) -> int | None:
            return 3600 if filename == "a.css" else super().get_send_file_max_age(filename)

    for name in ("a.css", "a.txt"):
        (tmp_path / name).touch()
    client = client_of(ByEnding("part", "app", static_folder="", root_path=str(tmp_path)))
    ages = []
    for name in ("a.css", "a.txt"):
        with client.get(f"/{name}") as found:
            ages.append(found.cache_control.max_age)
    assert ages == [3600, None]


def test_templates_are_loaded_from_the_template_folder(
    tmp_path: Path, make: Callable[..., Scaffold]
) -> None:
    loader = make(template_folder="pages").jinja_loader
    assert isinstance(loader, FileSystemLoader)
    assert loader.searchpath == [str(tmp_path / "pages")]
    assert make(template_folder=None).jinja_loader is None


@pytest.mark.parametrize(("mode", "content"), [("rb", b"\xc3\xa4"), ("r", "ä"), ("rt", "ä")])
def test_a_resource_is_read(
    tmp_path: Path, make: Callable[..., Scaffold], mode: str, content: Any
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "text").write_bytes(b"\xc3\xa4")
    with make().open_resource("folder/text", mode) as opened:
        assert opened.read() == content


def test_a_resource_has_the_encoding_that_is_given(
    tmp_path: Path, make: Callable[..., Scaffold]
) -> None:
    (tmp_path / "text").write_bytes(b"\xe4")
    with make().open_resource("text", "r", encoding="latin-1") as opened:
        assert opened.read() == "ä"


@pytest.mark.parametrize("mode", ["w", "a", "x", "r+", "rb+"])
def test_a_resource_is_for_reading_only(make: Callable[..., Scaffold], mode: str) -> None:
    with pytest.raises(ValueError, match="for reading only"):
        make().open_resource("text", mode)


def test_the_root_is_beside_the_module_unless_it_is_given(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("")
    sys.path.insert(0, str(tmp_path))
    try:
        assert Blueprint("part", "beside").root_path == str(tmp_path)
    finally:
        sys.path.remove(str(tmp_path))
    assert Blueprint("part", "beside", root_path="/given").root_path == "/given"


def test_it_is_shown_with_its_name() -> None:
    assert repr(Flask("shop")) == "<Flask 'shop'>"
    assert repr(Blueprint("part", __name__)) == "<Blueprint 'part'>"


# Views.

METHODS = ["get", "post", "put", "delete", "patch"]


@pytest.mark.parametrize("method", METHODS)
def test_a_decorator_named_after_a_method_registers_for_it_alone(
    make: Callable[..., Scaffold], method: str
) -> None:
    owner = make()

    @getattr(owner, method)("/", endpoint="named")
    def view() -> str:
        return f"{request.method} {str(request.endpoint).rpartition('.')[2]}"

    assert view.__name__ == "view"
    client = client_of(owner)
    answers = {name: client.open("/", method=name) for name in METHODS}
    assert answers.pop(method).text == f"{method.upper()} named"
    assert {answer.status_code for answer in answers.values()} == {405}


@pytest.mark.parametrize("method", METHODS)
def test_and_takes_no_others(make: Callable[..., Scaffold], method: str) -> None:
    with pytest.raises(TypeError, match=r"Use route\(\) with methods="):
        getattr(make(), method)("/", methods=["GET"])


def test_a_route_answers_the_methods_that_are_given(make: Callable[..., Scaffold]) -> None:
    owner = make()
    owner.route("/", methods=["PUT", "post"])(lambda: request.method)
    client = client_of(owner)
    assert [client.put("/").text, client.post("/").text] == ["PUT", "POST"]
    assert client.get("/").status_code == 405


def test_a_view_for_an_endpoint_is_joined_with_its_rule() -> None:
    app = Flask(__name__)
    app.add_url_rule("/", endpoint="joined")

    @app.endpoint("joined")
    def view() -> str:
        return "found"

    assert view() == "found"
    assert app.test_client().get("/").text == "found"


def test_a_rule_needs_an_endpoint_or_a_view(app: Flask) -> None:
    with pytest.raises(AssertionError, match="needs an endpoint, or a view"):
        app.add_url_rule("/")
    part = Blueprint("part", __name__)
    part.add_url_rule("/")
    with pytest.raises(AssertionError, match="needs an endpoint, or a view"):
        app.register_blueprint(part)


# Hooks.


def test_hooks_are_run_around_the_view(make: Callable[..., Scaffold]) -> None:
    owner, said = make(), []

    @owner.url_value_preprocessor
    def values(endpoint: str | None, values: dict[str, Any] | None) -> None:
        said.append(f"values {values}")

    @owner.before_request
    def before() -> None:
        said.append("before")

    @owner.after_request
    def after(response: Any) -> Any:
        said.append("after")
        return response

    @owner.teardown_request
    def teardown(error: BaseException | None) -> None:
        said.append(f"teardown {error}")

    owner.get("/<int:number>")(lambda number: said.append("view") or "")
    assert client_of(owner).get("/1").status_code == 200
    assert said == ["values {'number': 1}", "before", "view", "after", "teardown None"]
    assert {function.__name__ for function in (values, before, after, teardown)} == {
        *("values", "before", "after", "teardown")
    }


def test_templates_get_what_context_processors_give(make: Callable[..., Scaffold]) -> None:
    owner = make()

    @owner.context_processor
    def add() -> dict[str, Any]:
        return {"word": "given"}

    owner.get("/")(lambda: render_template_string("{{ word }}"))
    assert client_of(owner).get("/").text == "given"
    assert add() == {"word": "given"}


def test_urls_get_what_url_defaults_give(make: Callable[..., Scaffold]) -> None:
    owner = make()

    @owner.url_defaults
    def add(endpoint: str, values: dict[str, Any]) -> None:
        values.setdefault("language", "en")

    owner.get("/<language>/", endpoint="page")(lambda language: url_for(".page"))
    assert client_of(owner).get("/de/").text == "/en/"
    assert add.__name__ == "add"


@pytest.mark.parametrize("which", [404, NotFound], ids=["code", "class"])
def test_a_handler_answers_a_code_or_a_class(make: Callable[..., Scaffold], which: Any) -> None:
    owner = make()

    @owner.errorhandler(which)
    def handle(error: NotFound) -> tuple[str, int]:
        return "handled", 404

    @owner.get("/")
    def view() -> str:
        raise NotFound

    assert client_of(owner).get("/").text == "handled"
    assert handle(NotFound()) == ("handled", 404)


def test_a_handler_is_registered_without_a_decorator(make: Callable[..., Scaffold]) -> None:
    owner = make()
    owner.register_error_handler(ZeroDivisionError, lambda error: "handled")
    owner.get("/")(lambda: 1 / 0)
    assert client_of(owner).get("/").text == "handled"


@pytest.mark.parametrize(
    ("which", "error"),
    [(999, ValueError), (NotFound(), TypeError), ("404", TypeError), (int, ValueError)],
    ids=["unknown code", "instance", "text", "no exception"],
)
def test_a_handler_for_nothing_is_refused(
    make: Callable[..., Scaffold], which: Any, error: type[Exception]
) -> None:
    with pytest.raises(error):
        make().errorhandler(which)(lambda raised: "")


# What a subclass has to say.


def test_a_scaffold_alone_can_not_be_set_up() -> None:
    with pytest.raises(AssertionError, match="when its set-up ends"):
        Scaffold(__name__).before_request(lambda: None)


def test_a_scaffold_has_to_say_how_rules_are_added() -> None:
    class Half(Scaffold):
        def _check_setup_finished(self, f_name: str) -> None:
            said.append(f_name)

    said: list[str] = []
    with pytest.raises(TypeError, match="how rules are added"):
        Half(__name__).get("/")(lambda: "")
    assert said == ["get", "route", "add_url_rule"]


def test_a_set_up_method_of_an_extension_is_checked_too() -> None:
    class Own(Flask):
        @setupmethod
        def register_thing(self, thing: str, *, count: int = 1) -> str:
            """Register a thing."""
            return thing * count

    app = Own(__name__)
    assert app.register_thing("a", count=2) == "aa"
    assert Own.register_thing.__doc__ == "Register a thing."
    app.test_client().get("/")
    with pytest.raises(AssertionError, match="'register_thing' was called on"):
        app.register_thing("b")


# Where a module was installed.


def module_in(folder: Path, kind: str) -> str:
    """Write a module of a kind into a folder; return the name to import."""
    package = folder / "thing"
    if kind == "module":
        (folder / "thing.py").touch()
        return "thing"
    package.mkdir()
    if kind == "package":
        (package / "__init__.py").touch()
        return "thing"
    if kind == "module of a package":
        (package / "__init__.py").touch()
        (package / "inner.py").touch()
        return "thing.inner"
    if kind == "namespace":
        return "thing"
    inner = package / "inner"
    if kind == "module of a namespace":
        inner.with_suffix(".py").touch()
    else:
        inner.mkdir()
        (inner / "__init__.py").touch()
    return "thing.inner"


KINDS = (
    "module",
    "package",
    "module of a package",
    "namespace",
    "module of a namespace",
    "package of a namespace",
)
PLACES: dict[str, tuple[str, str | None]] = {
    "a checkout": ("checkout", None),
    "the environment": ("env/lib/python3/site-packages", "env"),
    "a virtual folder elsewhere": ("other/lib/python3/site-packages", "other"),
    "Windows": ("other/Lib/site-packages", "other"),
    "packages in an odd place": ("odd/site-packages", "odd"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("place", "prefix"), PLACES.values(), ids=PLACES)
def test_where_a_module_was_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, prefix: str | None, kind: str
) -> None:
    folder = tmp_path / place
    folder.mkdir(parents=True)
    name = module_in(folder, kind)
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "env"))
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setattr(sys, "modules", sys.modules.copy())
    expected = None if prefix is None else str(tmp_path / prefix)
    assert (expected, str(folder)) == find_package(name)


def test_a_namespace_in_two_places_is_where_the_module_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    (first / "thing").mkdir(parents=True)
    second.mkdir()
    name = module_in(second, "module of a namespace")
    for folder in (second, first):
        monkeypatch.syspath_prepend(folder)
    monkeypatch.setattr(sys, "modules", sys.modules.copy())
    assert find_package(name) == (None, str(second))
    assert find_package("thing") == (None, str(first))
    assert find_package("thing.there_is_none") == (None, str(first))


@pytest.mark.parametrize("name", ["there_is_none", "without_spec", "sys"])
def test_a_module_without_a_place_is_in_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setitem(sys.modules, "without_spec", ModuleType("without_spec"))
    monkeypatch.chdir(tmp_path)
    found = find_package(name)
    # FLASK: a module that is built in has the origin "built-in", a file of no folder.
    assert found == (None, "" if name == "sys" else str(tmp_path))


def test_hooks_see_their_app(make: Callable[..., Scaffold]) -> None:
    owner, seen = make(), []
    owner.before_request(lambda: seen.append(current_app.name))
    owner.get("/")(lambda: "")
    client_of(owner).get("/")
    assert seen == ["app"]
