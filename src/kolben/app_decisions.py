"""What an app decides about errors and URLs, whether or not a request is being answered."""

from __future__ import annotations

from typing import Any

from werkzeug.routing import BuildError
from werkzeug.wrappers import Response as WerkzeugResponse

from kolben.core import errors, urls
from kolben.core.pages import redirect_page
from kolben.scaffold import Scaffold
from kolben.typing import Response


class AppDecisions(Scaffold):
    """The methods of an app that need no request, each to be overridden in a subclass."""

    response_class: type[Response]

    # Errors.

    def _find_error_handler(self, e: Exception, blueprints: list[str]) -> Any:
        return errors.find_handler(self.error_handler_spec, e, blueprints)

    def trap_http_exception(self, e: Exception) -> bool:
        """Say whether an HTTP error is raised instead of answered."""
        return errors.is_trapped(self, e)  # type: ignore[arg-type]  # always a Flask

    def should_ignore_error(self, error: BaseException | None) -> bool:
        """Say whether teardown functions are not told of an error; for subclasses."""
        return False

    # URLs.

    def inject_url_defaults(self, endpoint: str, values: dict[str, Any]) -> None:
        """Let url_defaults functions add to the values of a URL."""
        urls.inject_defaults(self, endpoint, values)  # type: ignore[arg-type]  # as above

    def handle_url_build_error(
        self, error: BuildError, endpoint: str, values: dict[str, Any]
    ) -> str:
        """Ask url_build_error_handlers for a URL that can't be built; else raise the error."""
        return urls.handle_build_error(self, error, endpoint, values)  # type: ignore[arg-type]  # as above

    def redirect(self, location: str, code: int = 302) -> WerkzeugResponse:
        """Make a response that sends the client elsewhere; flask.redirect() asks for it here."""
        return redirect_page(self.response_class, location, code)
