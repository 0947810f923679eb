"""Errors and log lines that explain, in debug mode, what would otherwise only puzzle."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from kolben.core.current import find_context
from kolben.flask_names import lend_names
from kolben.typing import App as AnyApp
from kolben.typing import BaseLoader as AnyLoader
from kolben.typing import Request

Attempt = tuple["AnyLoader", Any, tuple[str, str | None, Callable[[], bool] | None] | None]


class UnexpectedUnicodeError(AssertionError, UnicodeError):
    """Text was given where bytes are needed, or bytes that are no text."""


class DebugFilesKeyError(KeyError, AssertionError):
    """A file is missing from request.files because the form was sent without its files."""

    def __init__(self, request: Request, key: str) -> None:
        names = ", ".join(repr(name) for name in request.form.getlist(key))
        self.msg = (
            f"You tried to access the file {key!r} in request.files, but it does not exist. The"
            f" form was sent as {request.mimetype!r}, not as 'multipart/form-data', so no file"
            ' contents were transmitted. Give the form the attribute enctype="multipart/form-data".'
            f"\n\nThe browser sent names of files instead. This was submitted: {names}"
        )
        super().__init__(self.msg)

    def __str__(self) -> str:
        # KeyError would show the message as a key, quoted.
        return self.msg


class FormDataRoutingRedirect(AssertionError):
    """A redirect to the canonical URL would lose the form that was sent."""

    def __init__(self, request: Request) -> None:
        redirect: Any = request.routing_exception
        url = redirect.new_url
        cure = (
            "The rule ends with a slash and the URL that was asked for does not: add one to it."
            if url.partition("?")[0] == f"{request.base_url}/"
            else "Send the request to the canonical URL."
        )
        super().__init__(
            f"A {request.method} request was sent to {request.url!r}, which the routing redirects"
            f" to the canonical URL {url!r}. With the status {redirect.code} browsers send no form"
            f" data along. {cure}\n\n"
            "This error is only raised in debug mode; otherwise the redirect is sent."
        )


def attach_enctype_error_multidict(request: Request) -> None:
    """Make request.files raise DebugFilesKeyError for a file whose name is in the form."""
    plain: Any = type(request.files)

    class ExplainingFiles(plain):  # type: ignore[misc]  # any class may hold the files
        def __getitem__(self, key: str) -> Any:
            try:
                return super().__getitem__(key)
            except KeyError as error:
                if key not in request.form:
                    raise
                raise DebugFilesKeyError(request, key).with_traceback(error.__traceback__) from None

    ExplainingFiles.__name__ = plain.__name__
    ExplainingFiles.__module__ = plain.__module__
    request.files.__class__ = ExplainingFiles


def explain_template_loading_attempts(app: AnyApp, template: str, attempts: list[Attempt]) -> None:
    """Log where a template was looked for and what was found there, with a hint if nothing was.

    attempts: each loader that was asked, the app or blueprint it is of, and what it returned.
    """
    lines = [f"Locating template {template!r}:"]
    for number, (loader, owner, found) in enumerate(attempts, 1):
        lines.append(f"{number:5}: trying loader of {_name(app, owner)}")
        lines += [f"       {line}" for line in _dump_loader_info(loader)]
        lines.append(f"       -> {_result(found)}")
    matches = sum(found is not None for _, _, found in attempts)
    if matches > 1:
        lines.append("Warning: multiple loaders returned a match for the template; the first wins.")
    if not matches:
        lines.append("Error: the template could not be found.")
        lines += _hint_about_blueprint()
    app.logger.info("\n".join(lines))


def _name(app: AnyApp, owner: Any) -> str:
    """Name an app or a blueprint."""
    if owner is app:
        return f"application {app.import_name!r}"
    return f"blueprint {owner.name!r} ({owner.import_name})"


def _result(found: Any) -> str:
    return "no match" if found is None else f"found ({found[1] or '<string>'!r})"


def _dump_loader_info(loader: AnyLoader) -> Iterator[str]:
    """Yield what a loader's class is and which of its options are plain values."""
    kind = type(loader)
    yield f"class: {kind.__module__}.{kind.__name__}"
    for name, value in sorted(vars(loader).items()):
        if name.startswith("_"):
            continue
        if isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value):
            yield f"{name}:"
            for item in value:
                yield f"  - {item}"
        elif isinstance(value, (str, int, float, bool)):
            yield f"{name}: {value!r}"


def _hint_about_blueprint() -> list[str]:
    """Say that a blueprint was at work, whose folder may not be where one thinks."""
    context = find_context()
    request_context = None if context is None else context.request_context
    blueprint = None if request_context is None else request_context.request.blueprint
    if blueprint is None:
        return []
    return [
        "  The template was looked up from an endpoint that belongs to the blueprint"
        f" {blueprint!r}.",
        "  Maybe its template_folder is missing or wrong: it is relative to the blueprint's own"
        " folder.",
        "  See https://flask.palletsprojects.com/blueprints/#templates",
    ]


lend_names(globals())
