"""Answers 413 that know which setting they are of, and the 507 of a full disk."""

from __future__ import annotations

from werkzeug.exceptions import HTTPException, RequestEntityTooLarge


class TooLarge(RequestEntityTooLarge):
    """A body, or a part of one, is above a limit.

    setting: the key in the app's configuration, and the attribute of a request in lower case; or an
    option of `kolben serve`.
    """

    def __init__(self, setting: str, most: int | None) -> None:
        super().__init__()
        self.setting = setting
        self.most = most

    def explanation(self, method: str, route: str) -> str:
        """Say what was above which limit, and how it is set."""
        found = f"{method} {route}: the request is above {self.setting}, which is {self.most} here."
        if self.setting.startswith("--"):
            return f"{found} Serve with a higher {self.setting}."
        attribute = self.setting.lower()
        return (
            f"{found} Set app.config[{self.setting!r}], or for one request request.{attribute} in a"
            " before_request function."
        )


TooLarge.__name__ = "RequestEntityTooLarge"  # FLASK: what an app that shows it shows


class InsufficientStorage(HTTPException):
    """A body that is kept in a file finds no room for it, or no folder to be in (507)."""

    code = 507
    description = "The server has no room for a body of this size now."

    def __init__(self, error: OSError, folder: str | None) -> None:
        """Make the error. folder: where bodies are kept; None if there is none to keep them in."""
        super().__init__()
        self.error = error
        self.folder = folder

    def explanation(self, method: str, route: str) -> str:
        """Say what could not be written where, and the cure."""
        folder = self.folder
        where = "a temporary folder" if folder is None else f"the temporary folder {folder!r}"
        return (
            f"{method} {route}: the body cannot be kept in {where} ({self.error.strerror}). Make"
            " room there or name another folder in TMPDIR; app.config['MAX_CONTENT_LENGTH'] bounds"
            " bodies, and a route with stream_body=True reads its body without a file."
        )
