"""The methods of an app that build URLs, bind to hosts and redirect."""

from __future__ import annotations

import warnings
from types import MethodType
from typing import Any

import pytest
from werkzeug.exceptions import SecurityError
from werkzeug.routing import BuildError

from kolben import Flask, Response, url_for


@pytest.fixture
def shop(app: Flask) -> Flask:
    """An app with a view that says which item was asked for."""
    app.add_url_rule("/items/<int:number>", "item", lambda number: f"item {number}")
    return app


def test_urls_are_built_in_a_request_and_outside(shop: Flask) -> None:
    with shop.test_request_context():
        assert shop.url_for("item", number=1) == "/items/1"
        assert shop.url_for("item", number=1, q="ä b", _anchor="x y") == (
            "/items/1?q=%C3%A4+b#x%20y"
        )
        assert shop.url_for("item", number=1, _external=True) == "http://localhost/items/1"
        assert shop.url_for("item", number=1, _scheme="https") == "https://localhost/items/1"
        with pytest.raises(ValueError, match="_scheme needs an external URL"):
            shop.url_for("item", number=1, _scheme="https", _external=False)
    with pytest.raises(RuntimeError, match="SERVER_NAME is not configured"):
        shop.url_for("item", number=1)
    shop.config["SERVER_NAME"] = "example.com"
    assert shop.url_for("item", number=1) == "http://example.com/items/1"
    assert shop.url_for("item", number=1, _external=False) == "/items/1"


def _mark(self: Flask, /, endpoint: str, **values: Any) -> str:
    return f"{endpoint} {values}"


def test_url_for_may_be_overridden(shop: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    class Own(Flask):
        url_for = _mark

    expected = "x {'_anchor': None, '_method': None, '_scheme': None, '_external': None, 'n': 1}"
    with Own("own").test_request_context():
        assert url_for("x", n=1) == expected
    with shop.test_request_context():
        shop.url_for = MethodType(_mark, shop)  # type: ignore[method-assign]  # as users do
        assert url_for("x", n=1) == expected
        del shop.url_for
        assert url_for("item", number=1) == "/items/1"
        monkeypatch.setattr(Flask, "url_for", _mark)
        assert url_for("x", n=1) == expected


def test_a_url_may_be_of_a_method(shop: Flask) -> None:
    shop.add_url_rule("/new", "change", methods=["POST"])
    shop.add_url_rule("/old", "change", methods=["PUT"])
    with shop.test_request_context():
        assert [shop.url_for("change", _method=name) for name in ("POST", "PUT")] == [
            *("/new", "/old")
        ]


def test_url_defaults_are_added(shop: Flask) -> None:
    shop.url_defaults(lambda endpoint, values: values.setdefault("number", 7))
    values: dict[str, Any] = {}
    shop.inject_url_defaults("item", values)
    assert values == {"number": 7}


def test_who_helps_with_a_url_that_can_not_be_built(shop: Flask) -> None:
    error = BuildError("missing", {}, None)

    def refuse(raised: Exception, endpoint: str, values: dict[str, Any]) -> str:
        raise BuildError("refused", {}, None)

    with pytest.raises(BuildError) as raised:
        shop.handle_url_build_error(error, "missing", {})
    assert raised.value is error
    shop.url_build_error_handlers.append(refuse)
    with pytest.raises(BuildError, match="refused"):
        shop.handle_url_build_error(error, "missing", {})
    shop.url_build_error_handlers.append(lambda raised, endpoint, values: f"/{endpoint}")
    with shop.test_request_context():
        assert url_for("missing") == "/missing"


BINDINGS: dict[str, tuple[dict[str, Any], str]] = {
    "the name": ({"SERVER_NAME": "example.com"}, "http://example.com/items/1"),
    "a root": (
        {"SERVER_NAME": "example.com", "APPLICATION_ROOT": "/shop"},
        "http://example.com/shop/items/1",
    ),
    "a scheme": (
        {"SERVER_NAME": "example.com:8443", "PREFERRED_URL_SCHEME": "https"},
        "https://example.com:8443/items/1",
    ),
}


@pytest.mark.parametrize(("config", "url"), BINDINGS.values(), ids=BINDINGS)
def test_what_is_configured_builds_urls_without_a_request(
    shop: Flask, config: dict[str, Any], url: str
) -> None:
    assert shop.create_url_adapter(None) is None
    shop.config.update(config)
    adapter = shop.create_url_adapter(None)
    assert adapter is not None
    assert adapter.build("item", {"number": 1}, force_external=True) == url


SUBDOMAINS: dict[str, tuple[dict[str, Any], str | None, str | None]] = {
    "not matched": ({}, None, ""),
    "not matched, with a name": ({}, "example.com", ""),
    "matched": ({"subdomain_matching": True}, "example.com", "a"),
    "hosts matched": ({"host_matching": True, "static_folder": None}, "example.com", ""),
}


@pytest.mark.parametrize(("options", "name", "subdomain"), SUBDOMAINS.values(), ids=SUBDOMAINS)
def test_which_subdomain_a_request_is_of(
    options: dict[str, Any], name: str | None, subdomain: str | None
) -> None:
    app = Flask("app", **options)
    app.config["SERVER_NAME"] = name
    context = app.test_request_context(base_url="http://a.example.com")
    adapter = app.create_url_adapter(context.request)
    assert adapter is not None
    assert (adapter.subdomain or "") == subdomain


def test_a_host_that_is_not_trusted_is_refused(shop: Flask) -> None:
    shop.config["TRUSTED_HOSTS"] = ["example.com"]
    context = shop.test_request_context()
    with pytest.raises(SecurityError):
        shop.create_url_adapter(context.request)


def test_an_unknown_scheme_is_not_one_to_redirect_to(shop: Flask) -> None:
    context = shop.test_request_context()
    context.request.environ["wsgi.url_scheme"] = "gopher"
    adapter = shop.create_url_adapter(context.request)
    assert adapter is not None
    assert adapter.url_scheme == context.request.scheme


def test_a_redirect_is_of_the_apps_response_class(shop: Flask) -> None:
    class Own(Response):
        pass

    shop.response_class = Own
    response = shop.redirect("/there", 303)
    assert (type(response), response.status_code, response.location) == (Own, 303, "/there")


def test_a_filter_that_names_flasks_module_matches_werkzeugs_warning(app: Flask) -> None:
    app.config["SERVER_NAME"] = "example.com"
    app.subdomain_matching = True
    app.add_url_rule("/", "index", lambda: "index")
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        assert 404 == app.test_client().get("/", base_url="http://other.test").status_code
    assert ["Current server name"] == [str(warning.message)[:19] for warning in heard]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message="Current server name", module="flask.app")
        assert 404 == app.test_client().get("/", base_url="http://other.test").status_code
