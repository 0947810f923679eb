"""Environs that no server sends whole: without a Host, a name, a port; as tests and scripts do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask, json, request, url_for

from conformance.differential.ask import Ask, ask

PARTS = (
    "url host url_root base_url root_url host_url full_path path root_path script_root scheme server"
    " is_secure remote_addr method"
).split()
URLS: dict[str, Callable[[], str]] = {
    "external": lambda: url_for("index", _external=True),
    "relative": lambda: url_for("index", a="b"),
    "scheme": lambda: url_for("index", _scheme="https", _external=True),
    "static": lambda: url_for("static", filename="a.css", _external=True),
}


def attempt(function: Callable[[], Any]) -> Any:
    """Return what a function returns, or the name of what it raises."""
    try:
        return function()
    except Exception as error:  # noqa: BLE001  its type is the answer
        return type(error).__name__


def show() -> str:
    """Show all that is made of an environ's host, scheme and paths."""
    shown: dict[str, Any] = {
        name: attempt(lambda name=name: getattr(request, name)) for name in PARTS
    }
    shown |= {name: attempt(function) for name, function in URLS.items()}
    return json.dumps(shown, sort_keys=True)


def make(name: str, *, host_matching: bool = False, subdomains: bool = False, **config: Any) -> Any:
    """Make an app with one kind of configuration."""
    app = Flask(
        name,
        host_matching=host_matching,
        static_host="a.test" if host_matching else None,
        subdomain_matching=subdomains,
    )
    app.config.update(config)
    kind = {"host": "<host>"} if host_matching else {}

    def view(host: str = "") -> str:
        return show()

    app.add_url_rule("/", "index", view, **kind)
    app.add_url_rule("/branch/", "branch", view, **kind)
    if subdomains:
        app.add_url_rule("/", "sub", view, subdomain="<host>")
    return app


main = make("environs")


def by_client(environ: Any, start_response: Any) -> list[bytes]:
    """Ask by a test client and in a test_request_context, with the path as the base URL."""
    base_url = environ["PATH_INFO"][1:]
    found: dict[str, Any] = {}
    for target in ("/", "/branch"):
        answer = main.test_client().get(target, base_url=base_url)
        found[target] = [answer.status, answer.headers.get("Location"), answer.text]
    with main.test_request_context("/a?b=c", base_url=base_url):
        found["context"] = show()
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(found, sort_keys=True).encode()]


APPS = {
    "main": main,
    "named": make("environs", SERVER_NAME="a.test"),
    "subdomains": make("environs", SERVER_NAME="a.test", subdomains=True),
    "hosts": make("environs", host_matching=True),
    "trusting": make("environs", TRUSTED_HOSTS=["a.test"]),
    "client": by_client,
}

GONE: dict[str, Any] = {"SERVER_NAME": None, "SERVER_PORT": None}
#: name: (the Host, what else is changed).
ENVIRONS: dict[str, tuple[str | None, dict[str, Any]]] = {
    "empty": ("", {}),
    "empty, server unnamed": ("", {"SERVER_NAME": ""}),
    "empty, mounted": ("", {"SERVER_NAME": "", "SCRIPT_NAME": "/mount"}),
    "empty, https": ("", {"SERVER_NAME": "", "wsgi.url_scheme": "https", "SERVER_PORT": "443"}),
    "none": (None, {}),
    "none, 1.0": (None, {"SERVER_PROTOCOL": "HTTP/1.0"}),
    "none, no protocol": (None, {"SERVER_PROTOCOL": None}),
    "none, server a.test": (None, {"SERVER_NAME": "a.test"}),
    "none, server sub.a.test": (None, {"SERVER_NAME": "sub.a.test"}),
    "none, mounted": (None, {"SCRIPT_NAME": "/mount"}),
    "none, port 8080": (None, {"SERVER_PORT": "8080"}),
    "none, port a number": (None, {"SERVER_PORT": 8080}),
    "none, port 443": (None, {"SERVER_PORT": "443"}),
    "none, port 443, https": (None, {"SERVER_PORT": "443", "wsgi.url_scheme": "https"}),
    "none, port 80, https": (None, {"wsgi.url_scheme": "https"}),
    "none, port empty": (None, {"SERVER_PORT": ""}),
    "none, port a word": (None, {"SERVER_PORT": "abc"}),
    "none, no port": (None, {"SERVER_PORT": None}),
    "none, no name": (None, {"SERVER_NAME": None}),
    "none, no name, no port": (None, GONE),
    "none, unix socket": (None, {"SERVER_NAME": "unix:/a/b", "SERVER_PORT": ""}),
    "no name, no port": ("a.test", GONE),
    "port 80": ("a.test:80", {}),
    "port 443, https": ("a.test:443", {"wsgi.url_scheme": "https"}),
    "colon": ("a.test:", {}),
    "subdomain": ("sub.a.test", {}),
    "upper case": ("SUB.A.TEST", {}),
    "scheme in upper case": ("a.test", {"wsgi.url_scheme": "HTTPS"}),
    "scheme ws": ("a.test", {"wsgi.url_scheme": "ws"}),
    "no script name": ("a.test", {"SCRIPT_NAME": None}),
    "script name /": ("a.test", {"SCRIPT_NAME": "/"}),
    "script name a": ("a.test", {"SCRIPT_NAME": "a"}),
    "script name /a/": ("a.test", {"SCRIPT_NAME": "/a/"}),
    "no path": ("a.test", {"PATH_INFO": None}),
    "path empty": ("a.test", {"PATH_INFO": ""}),
    "path without slash": ("a.test", {"PATH_INFO": "branch/"}),
    "no query": ("a.test", {"QUERY_STRING": None}),
    "no address": ("a.test", {"REMOTE_ADDR": None}),
    "no input": ("a.test", {"wsgi.input": None}),
    "no errors": ("a.test", {"wsgi.errors": None}),
    "method in lower case": ("a.test", {"REQUEST_METHOD": "get"}),
    "bare": (
        None,
        GONE | dict.fromkeys(("SCRIPT_NAME", "QUERY_STRING", "SERVER_PROTOCOL", "REMOTE_ADDR")),
    ),
}

REQUESTS: list[Ask] = [
    *(
        ask(f"{app} {target} {name}", target, app=app, host=host, environ=changes)
        for app in APPS
        if app != "client"
        for target in ("/", "/branch")
        for name, (host, changes) in ENVIRONS.items()
    ),
    *(
        ask(f"client {base_url}", f"/{base_url}", app="client")
        for base_url in (
            "http:///", "http:///path/", "http:///path", "http://", "/path", "/", "https:///",
            "http://:80/", "http://a.test:8080/path/", "//a.test/x",
        )
    ),
]  # fmt: skip
