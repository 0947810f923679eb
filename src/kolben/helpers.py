"""Functions for views, under the name of Flask's module for them."""

from __future__ import annotations

from functools import cache as _cache
from typing import Any, NoReturn

import werkzeug.exceptions
import werkzeug.utils
from werkzeug.wrappers import Response as WerkzeugResponse

from kolben.app import OWN_URL_FOR
from kolben.core import urls
from kolben.core.current import find_context, the_app
from kolben.core.request import split_blueprint_path
from kolben.env import get_debug_flag as get_debug_flag
from kolben.env import get_load_dotenv as get_load_dotenv
from kolben.env import get_root_path as get_root_path
from kolben.files import send_file as send_file
from kolben.files import send_from_directory as send_from_directory
from kolben.flashing import flash as flash
from kolben.flashing import get_flashed_messages as get_flashed_messages
from kolben.flask_names import lend_names
from kolben.streaming import stream_with_context as stream_with_context
from kolben.typing import Response

# FLASK: extensions call it.
_split_blueprint_path = _cache(split_blueprint_path)


def make_response(*args: Any) -> Response:
    """Make the response that a view would make by returning `args`; an empty one without."""
    app = the_app()
    if not args:
        return app.response_class()
    return app.make_response(args[0] if len(args) == 1 else args)


def url_for(
    endpoint: str,
    *,
    _anchor: str | None = None,
    _method: str | None = None,
    _scheme: str | None = None,
    _external: bool | None = None,
    **values: Any,
) -> str:
    """Build the URL of an endpoint of the current app: see Flask.url_for()."""
    app = the_app()
    # PERF: not through a method that nobody overrides: 2.4 us instead of 2.7 us
    # (benchmarks/shortcuts.py).
    if type(app).url_for is OWN_URL_FOR and "url_for" not in vars(app):
        return urls.url_for(app, endpoint, _anchor, _method, _scheme, _external, values)
    return app.url_for(
        endpoint,
        _anchor=_anchor,
        _method=_method,
        _scheme=_scheme,
        _external=_external,
        **values,
    )


def redirect(
    location: str,
    code: int = 302,
    Response: type[WerkzeugResponse] | None = None,  # noqa: N803  # FLASK: its name
) -> WerkzeugResponse:
    """Make a response that sends the client to a URL; the current app is asked, if there is one.

    Response: the class to make, without an app.
    """
    context = find_context()
    if context is not None:
        return context.app.redirect(location, code=code)
    return werkzeug.utils.redirect(location, code=code, Response=Response)


def abort(code: int | WerkzeugResponse, *args: Any, **kwargs: Any) -> NoReturn:
    """Raise the HTTPException for a status code, or one that answers with a response.

    The current app's aborter is asked, if there is one; args, kwargs: the exception's.
    """
    context = find_context()
    if context is not None:
        context.app.aborter(code, *args, **kwargs)
    werkzeug.exceptions.abort(code, *args, **kwargs)


def get_template_attribute(template_name: str, attribute: str) -> Any:
    """Return a macro or variable that a template exports."""
    return getattr(the_app().jinja_env.get_template(template_name).module, attribute)


lend_names(globals())
