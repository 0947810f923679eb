"""URLs built from endpoints."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from werkzeug.routing import BuildError, MapAdapter

from kolben.core.current import find_context
from kolben.typing import App

# RFC 3986 §3.5: what a fragment may contain as it is.
_FRAGMENT_SAFE = "%!#$&'()*+,/:;=?@"


def url_for(
    app: App,
    endpoint: str,
    *,
    anchor: str | None,
    method: str | None,
    scheme: str | None,
    external: bool | None,
    values: dict[str, Any],
) -> str:
    """Build the URL of an endpoint, relative to the active request if there is one.

    An endpoint that starts with a dot is one of the request's blueprint.
    Raises BuildError where nothing fits and no handler helps, RuntimeError outside of a
    request without SERVER_NAME, ValueError for a scheme in a URL that is not external.
    """
    adapter, blueprint, in_request = _adapter(app)
    if in_request and endpoint[:1] == ".":
        endpoint = f"{blueprint}{endpoint}" if blueprint is not None else endpoint[1:]
    if external is None:
        external = not in_request or scheme is not None
    if scheme is not None and not external:
        raise ValueError("A _scheme needs an external URL: leave _external out, or make it True.")
    app.inject_url_defaults(endpoint, values)
    try:
        url = adapter.build(
            endpoint, values, method=method, url_scheme=scheme, force_external=external
        )
    except BuildError as error:
        values.update(_anchor=anchor, _method=method, _scheme=scheme, _external=external)
        return app.handle_url_build_error(error, endpoint, values)
    return url if anchor is None else f"{url}#{quote(anchor, safe=_FRAGMENT_SAFE)}"


def _adapter(app: App) -> tuple[MapAdapter, str | None, bool]:
    """Return what builds URLs now, the request's blueprint, and whether there is a request."""
    context = find_context()
    in_request = None if context is None else context.request_context
    if in_request is not None:
        adapter = in_request.url_adapter
        if adapter is not None:
            return adapter, in_request.request.blueprint, True
    elif context is not None:
        adapter = context.url_adapter
    else:
        adapter = app.create_url_adapter(None)
    if adapter is None:
        raise RuntimeError(
            "A URL can't be built here: there is no request to take the host from, and"
            " SERVER_NAME is not configured. Set app.config['SERVER_NAME'] (and, where they are"
            " not '/' and 'http', APPLICATION_ROOT and PREFERRED_URL_SCHEME)."
        )
    return adapter, None, False


def inject_defaults(app: App, endpoint: str, values: dict[str, Any]) -> None:
    """Let the url_defaults functions of the app and of the endpoint's blueprints add values."""
    table = app.url_default_functions
    names: list[str | None] = [None]
    if "." in endpoint:
        parts = endpoint.split(".")
        names.extend(".".join(parts[: count + 1]) for count in range(len(parts) - 1))
    for name in names:
        for function in table.get(name, ()):
            function(endpoint, values)


def handle_build_error(app: App, error: BuildError, endpoint: str, values: dict[str, Any]) -> str:
    """Return what the first build error handler returns; raise the last BuildError if none."""
    for handler in app.url_build_error_handlers:
        try:
            url = handler(error, endpoint, values)
        except BuildError as another:
            error = another
        else:
            if url is not None:
                return url
    raise error
