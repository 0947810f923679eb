"""URLs built from endpoints."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from werkzeug.routing import BuildError, MapAdapter

from kolben.core.current import find_context
from kolben.core.url_builder import Builders, place_of_adapter
from kolben.typing import App, AppContext, RequestContext

# RFC 3986 §3.5: what a fragment may contain as it is.
_FRAGMENT_SAFE = "%!#$&'()*+,/:;=?@"
_is_fragment = re.compile(rf"[\w.~{_FRAGMENT_SAFE}-]*", re.ASCII).fullmatch


def url_for(
    app: App,
    endpoint: str,
    anchor: str | None,
    method: str | None,
    scheme: str | None,
    external: bool | None,
    values: dict[str, Any],
) -> str:
    """Build the URL of an endpoint, relative to the active request if there is one.

    endpoint: one that starts with a dot is of the request's blueprint. Raises BuildError where
    nothing fits and no handler helps, RuntimeError outside of a request without SERVER_NAME,
    ValueError for a scheme in a URL that is not external.
    """
    context = find_context()
    in_request = None if context is None else context.request_context
    engine = vars(app).get("engine")  # one that is there: to make one is for a request
    builders: Builders | None = None if engine is None else engine.builders
    adapter = place = None
    if builders is not None and in_request is not None and in_request.app is app:
        place = builders.place_of(in_request)
    if place is None:
        adapter = _adapter(app, context, in_request)
        place = None if builders is None else place_of_adapter(adapter, builders.url_map)
    if in_request is not None and endpoint[:1] == ".":
        endpoint = _of_blueprint(endpoint, in_request)
    if external is None:
        external = in_request is None or scheme is not None
    if scheme is not None and not external:
        raise ValueError("A _scheme needs an external URL: leave _external out, or make it True.")
    app.inject_url_defaults(endpoint, values)
    url = None
    if builders is not None and place is not None:
        url = builders.build(place, endpoint, values, method, scheme, external)
    if url is None:
        adapter = adapter or _adapter(app, context, in_request)
        return _ask(adapter, app, endpoint, anchor, method, scheme, external, values)
    return url if anchor is None else f"{url}#{_fragment(anchor)}"


def _ask(
    adapter: MapAdapter,
    app: App,
    endpoint: str,
    anchor: str | None,
    method: str | None,
    scheme: str | None,
    external: bool,
    values: dict[str, Any],
) -> str:
    """Let an adapter build, and the app's handlers where that can't."""
    try:
        url = adapter.build(endpoint, values, method, external, url_scheme=scheme)
    except BuildError as error:
        values.update(_anchor=anchor, _method=method, _scheme=scheme, _external=external)
        return app.handle_url_build_error(error, endpoint, values)
    return url if anchor is None else f"{url}#{_fragment(anchor)}"


def _of_blueprint(endpoint: str, in_request: RequestContext) -> str:
    """Complete an endpoint that starts with a dot."""
    blueprint = in_request.request.blueprint
    return endpoint[1:] if blueprint is None else f"{blueprint}{endpoint}"


def _fragment(anchor: str) -> str:
    """Escape what can't be in a fragment."""
    if type(anchor) is str and _is_fragment(anchor):
        return anchor
    return quote(anchor, safe=_FRAGMENT_SAFE)


def _adapter(app: App, context: AppContext | None, in_request: RequestContext | None) -> MapAdapter:
    """Return what builds URLs now."""
    adapter: MapAdapter | None
    if in_request is not None:
        adapter = in_request.url_adapter
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
    return adapter


def inject_defaults(app: App, endpoint: str, values: dict[str, Any]) -> None:
    """Let the url_defaults functions of the app and of the endpoint's blueprints add values."""
    table = app.url_default_functions
    if not table:
        return
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
