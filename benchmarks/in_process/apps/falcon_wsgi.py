"""Falcon's side: resource classes, its own media handlers and static route."""

from __future__ import annotations

from typing import Any

import falcon

from benchmarks.in_process.expected import HERE

INTERFACE = "wsgi"
PACKAGE = "falcon"
_NO_TEMPLATES = "Falcon has no templates"
_NO_COROUTINES = "Falcon's WSGI app has no coroutine responders"
LACKS = {
    "session read": "Falcon has no sessions",
    "session read and write": "Falcon has no sessions",
    "template file": _NO_TEMPLATES,
    "render_template_string": _NO_TEMPLATES,
    "async view": _NO_COROUTINES,
    "async view with 5 hooks": _NO_COROUTINES,
}
if falcon.__version__.startswith("4.0."):
    LACKS["304 by ETag"] = "Falcon's static files have ETags since 4.1"
NOTES = {"hooks in a blueprint": "hooks of a resource; Falcon's hooks know no teardown"}


def _say(resp: Any, text: str) -> None:
    resp.content_type = falcon.MEDIA_TEXT
    resp.text = text


class Text:
    def on_get(self, req: Any, resp: Any) -> None:
        _say(resp, "Hello, world!")


class Json:
    def on_get(self, req: Any, resp: Any) -> None:
        resp.media = {"message": "Hello, world!"}

    def on_post(self, req: Any, resp: Any) -> None:
        resp.media = {"name": req.get_media()["name"]}


class User:
    def on_get(self, req: Any, resp: Any, number: int) -> None:
        _say(resp, f"user {number}")


class Search:
    def on_get(self, req: Any, resp: Any) -> None:
        _say(resp, req.get_param("q", required=True))


class Form:
    def on_post(self, req: Any, resp: Any) -> None:
        _say(resp, req.get_media()["name"])


class Upload:
    def on_post(self, req: Any, resp: Any) -> None:
        for part in req.get_media():
            if part.name == "file":
                _say(resp, str(len(part.stream.read())))


class Redirect:
    def on_get(self, req: Any, resp: Any) -> None:
        raise falcon.HTTPFound("/")


class Part:
    def on_get(self, req: Any, resp: Any, item: int) -> None:
        _say(resp, f"part {item}")


def _check(req: Any, resp: Any, resource: Any, params: Any) -> None:
    req.context.token = req.get_header("X-Token", required=True)


def _mark(req: Any, resp: Any, resource: Any) -> None:
    resp.set_header("X-Seen", req.context.token)


@falcon.before(_check)
@falcon.after(_mark)
class Hooked:
    def on_get(self, req: Any, resp: Any) -> None:
        _say(resp, "hooked")


def make_apps() -> dict[str, Any]:
    """Make the app, and the one of many rules."""
    app = falcon.App()
    app.add_route("/", Text())
    app.add_route("/json", Json())
    app.add_route("/users/{number:int}", User())
    app.add_route("/search", Search())
    app.add_route("/form", Form())
    app.add_route("/upload", Upload())
    app.add_route("/redirect", Redirect())
    app.add_route("/hooked/", Hooked())
    app.add_static_route("/static", str(HERE / "static"))
    rules = falcon.App()
    for number in range(1000):
        rules.add_route(f"/part{number}/{{item:int}}", Part())
    return {"all": app, "rules": rules}
