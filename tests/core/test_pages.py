"""The pages put together from parts are Werkzeug's to the byte."""

from __future__ import annotations

from typing import Any

import pytest
from markupsafe import Markup
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import (
    HTTPException,
    MethodNotAllowed,
    NotFound,
    ServiceUnavailable,
    Unauthorized,
    default_exceptions,
)
from werkzeug.utils import redirect
from werkzeug.wrappers import Response as WerkzeugResponse

from kolben import Response
from kolben.core.pages import error_page, redirect_page

DESCRIPTIONS: list[Any] = [
    "No such user.",
    "<b> & 'c'",
    "two\nlines\r\n",
    "",
    "the-description",
    Markup("<b>bold</b>\n&amp;"),
    "ä\u20ac",
    7,
]


def parts(response: WerkzeugResponse) -> Any:
    return response.status, response.status_code, list(response.headers), response.data


@pytest.mark.parametrize("description", DESCRIPTIONS, ids=repr)
@pytest.mark.parametrize("kind", default_exceptions.values())
def test_a_described_error_has_werkzeugs_page(kind: type[HTTPException], description: Any) -> None:
    error = kind(description=description)
    page = error_page(error, Response)
    assert page is None or parts(page) == parts(error.get_response())


@pytest.mark.parametrize("kind", default_exceptions.values())
def test_a_bare_error_has_werkzeugs_page(kind: type[HTTPException]) -> None:
    for _ in range(2):
        page = error_page(kind(), Response)
        assert page is None or parts(page) == parts(kind().get_response())


@pytest.mark.parametrize("kind", [NotFound, MethodNotAllowed])
def test_a_page_is_made_for_what_the_router_raises(kind: type[HTTPException]) -> None:
    page = error_page(kind(), Response)
    assert page is not None
    assert type(page) is Response


def test_a_description_set_on_the_class_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    error_page(NotFound(), Response)
    for description in ("Gone <fishing>.", Markup("Gone <fishing>."), None):
        monkeypatch.setattr(NotFound, "description", description)
        page = error_page(NotFound(), Response)
        assert page is not None
        assert page.data == NotFound().get_response().data


@pytest.mark.parametrize(
    "methods", [["GET"], ["GET", "HEAD", "OPTIONS"], [], None, ("PUT",)], ids=repr
)
def test_a_405_names_the_methods_where_werkzeug_does(methods: Any) -> None:
    error = MethodNotAllowed(methods)
    page = error_page(error, Response)
    assert page is not None
    assert parts(page) == parts(error.get_response())


class Own(NotFound):
    pass


class OwnInit(Response):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)


@pytest.mark.parametrize(
    "error",
    [
        NotFound(response=Response("mine")),
        MethodNotAllowed(["GET"], response=Response("mine")),
        MethodNotAllowed(["GET"], "described"),
        Unauthorized(www_authenticate=WWWAuthenticate("basic")),
        ServiceUnavailable(retry_after=3),
        Own(),
        HTTPException("of no code"),
    ],
    ids=repr,
)
def test_an_error_that_says_more_is_left_to_werkzeug(error: HTTPException) -> None:
    assert error_page(error, Response) is None


def test_a_class_that_is_not_plain_is_left_to_werkzeug() -> None:
    assert error_page(NotFound(), OwnInit) is None
    page = redirect_page(OwnInit, "/", 302)
    assert type(page) is OwnInit
    assert parts(page) == parts(redirect("/", 302, OwnInit))


LOCATIONS: list[Any] = [
    "/",
    "/a?b=c&d=<e>",
    "https://example.com/'\"",
    "the-address",
    "/ä\u20ac",
    Markup("/<b>"),
    "",
]


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308, 200, 399, "302 LOOK THERE"])
@pytest.mark.parametrize("location", LOCATIONS, ids=repr)
def test_a_redirect_has_werkzeugs_page(location: Any, code: Any) -> None:
    page = redirect_page(Response, location, code)
    assert type(page) is Response
    assert parts(page) == parts(redirect(location, code, Response))


@pytest.mark.parametrize("location", ["/\nX: y", "/\rX: y"])
def test_a_redirect_cannot_begin_another_header(location: str) -> None:
    with pytest.raises(ValueError, match="newline"):
        redirect_page(Response, location, 302)
