"""Answers 413 that know which setting they are of."""

from __future__ import annotations

from werkzeug.exceptions import RequestEntityTooLarge


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
