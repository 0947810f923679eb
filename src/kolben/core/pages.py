"""The pages that Werkzeug writes for HTTP errors and redirects, put together from their parts.

What is the same in all pages of a kind is asked of Werkzeug once.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, TypeVar

from markupsafe import Markup, escape
from werkzeug.exceptions import HTTPException, MethodNotAllowed, default_exceptions
from werkzeug.utils import redirect
from werkzeug.wrappers import Response as WerkzeugResponse

from kolben.core.kept import kept
from kolben.core.response import plain_header, plain_response, set_code

R = TypeVar("R", bound="WerkzeugResponse")

# What an error that says nothing but its class has in its dict, and one that says little more.
_BARE = {"response": None}
_DESCRIBED = {"description", "response"}
_WITH_METHODS = {"response", "valid_methods"}


def error_page(error: HTTPException, response_class: type[R]) -> R | None:
    """Make the page of an error of Werkzeug's own; None for one with a response or headers."""
    kind = type(error)
    said = vars(error)
    methods = None
    if said != _BARE:
        if said.get("response") is not None:
            return None
        if kind is MethodNotAllowed and said.keys() == _WITH_METHODS:
            methods = said["valid_methods"]
        elif said.keys() != _DESCRIBED or kind.get_headers is not HTTPException.get_headers:
            return None
    code = error.code or 0
    header = plain_header(response_class, "text/html")
    if header is None or default_exceptions.get(code) is not kind:
        return None
    # PERF: the page of a class differs by its description alone: 1.1 us instead of 12 us
    # (benchmarks/shortcuts.py).
    if "description" in said:
        body = _described_body(kind, error.description)
    else:
        body = _usual_body(kind, kind.description)
    response = plain_response(response_class, body, header)
    set_code(response, code)
    if methods:
        # Where Werkzeug has it: behind the type, before the length.
        response.headers._list.insert(1, ("Allow", ", ".join(methods)))
    return response


# `kept` tells a string from a Markup of the same characters, which is not escaped.
@kept
def _usual_body(kind: type[HTTPException], description: str | None) -> bytes:
    """Return the page of a class of errors; description: the class's own, which may be set."""
    return _described_body(kind, description)


def _described_body(kind: type[HTTPException], description: Any) -> bytes:
    before, after = _around_description(kind)
    about = "" if description is None else escape(description)
    if "\n" in about:
        about = about.replace("\n", Markup("<br>"))
    return f"{before}{about}{after}".encode()


@kept
def _around_description(kind: type[HTTPException]) -> list[str]:
    """Return what Werkzeug's page for a class has before and after the description."""
    mark = "the-description"
    return kind(description=mark).get_body().split(mark)


def redirect_page(response_class: type[R], location: str, code: int) -> R | WerkzeugResponse:
    """Make a response that sends the client to a URL: what werkzeug.utils.redirect makes."""
    header = plain_header(response_class, "text/html")
    if (
        header is None
        or type(location) is not str
        or type(code) is not int
        or "\n" in location
        or "\r" in location
    ):
        return redirect(location, code, response_class)
    # PERF: the text around the address never differs: 1.7 us instead of 4.1 us
    # (benchmarks/shortcuts.py).
    before, between, after = _around_address()
    address = escape(location)
    page = f"{before}{address}{between}{address}{after}"
    response = plain_response(response_class, page.encode(), header)
    set_code(response, code)
    response.headers._list.append(("Location", location))
    return response


@lru_cache(maxsize=1)
def _around_address() -> list[str]:
    """Return what Werkzeug's page has before, between and after its two mentions of the address."""
    mark = "the-address"
    return redirect(mark).get_data(as_text=True).split(mark)
