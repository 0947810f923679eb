"""Cookies that views set and delete, with every attribute and every odd value."""

from __future__ import annotations

import datetime as dt
import time
from typing import Any

from flask import Flask, Response, make_response, request

from conformance.differential.ask import Ask, ask

app = Flask("cookies")
sized = Flask("sized")
sized.config["MAX_COOKIE_SIZE"] = 40
unlimited = Flask("unlimited")
unlimited.config["MAX_COOKIE_SIZE"] = 0

#: Arguments of `set_cookie`, by name.
SET: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "plain": (("k", "v"), {}),
    "no-value": (("k",), {}),
    "max-age": (("k", "v"), {"max_age": 60}),
    "max-age-0": (("k", "v"), {"max_age": 0}),
    "max-age-delta": (("k", "v"), {"max_age": dt.timedelta(hours=1)}),
    "expires-date": (("k", "v"), {"expires": dt.datetime(2020, 1, 2, 3, 4, 5, tzinfo=dt.UTC)}),
    "expires-number": (("k", "v"), {"expires": 1_500_000_000}),
    "expires-text": (("k", "v"), {"expires": "Thu, 01 Jan 2020 00:00:00 GMT"}),
    "expires-now": (("k", "v"), {"expires": lambda: time.time() + 30}),
    "path": (("k", "v"), {"path": "/under"}),
    "path-none": (("k", "v"), {"path": None}),
    "path-odd": (("k", "v"), {"path": "/a b;c"}),
    "domain": (("k", "v"), {"domain": "example.test"}),
    "domain-dot": (("k", "v"), {"domain": ".example.test"}),
    "domain-port": (("k", "v"), {"domain": "example.test:80"}),
    "domain-unicode": (("k", "v"), {"domain": "b\u00fccher.test"}),
    "domain-injection": (("k", "v"), {"domain": "a; Secure"}),
    "path-injection": (("k", "v"), {"path": "/; Secure"}),
    "secure": (("k", "v"), {"secure": True}),
    "httponly": (("k", "v"), {"httponly": True}),
    "samesite-lax": (("k", "v"), {"samesite": "lax"}),
    "samesite-strict": (("k", "v"), {"samesite": "Strict"}),
    "samesite-none": (("k", "v"), {"samesite": "None"}),
    "samesite-odd": (("k", "v"), {"samesite": "odd"}),
    "partitioned": (("k", "v"), {"partitioned": True}),
    "partitioned-samesite": (("k", "v"), {"partitioned": True, "samesite": "None"}),
    "all": (
        ("k", "v", 5),
        {"path": "/p", "domain": "d.test", "secure": True, "httponly": True, "samesite": "Lax"},
    ),
    "value-empty": (("k", ""), {}),
    "value-space": (("k", "a b"), {}),
    "value-quote": (("k", 'a"b'), {}),
    "value-semicolon": (("k", "a;b,c"), {}),
    "value-backslash": (("k", "a\\b"), {}),
    "value-unicode": (("k", "\u00fc\u20ac"), {}),
    "value-control": (("k", "a\x01\x7fb"), {}),
    "value-newline": (("k", "a\r\nX: y"), {}),
    "value-equals": (("k", "a=b"), {}),
    "value-percent": (("k", "%20"), {}),
    "value-int": (("k", 5), {}),
    "value-none": (("k", None), {}),
    "value-bytes": (("k", b"v"), {}),
    "key-empty": (("", "v"), {}),
    "key-space": (("a b", "v"), {}),
    "key-unicode": (("\u00fc", "v"), {}),
    "key-semicolon": (("a;b", "v"), {}),
    "key-host": (("__Host-k", "v"), {"secure": True}),
    "big": (("k", "x" * 5000), {}),
}

DELETE: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "plain": (("k",), {}),
    "path": (("k", "/under"), {}),
    "domain": (("k",), {"domain": "example.test"}),
    "all": (("k",), {"path": "/p", "domain": "d.test", "secure": True, "httponly": True, "samesite": "Lax"}),
    "partitioned": (("k",), {"partitioned": True}),
}  # fmt: skip


def set_one(name: str) -> Response:
    arguments, keywords = SET[name]
    keywords = {k: v() if callable(v) else v for k, v in keywords.items()}
    response = make_response("set")
    response.set_cookie(*arguments, **keywords)
    return response


def delete_one(name: str) -> Response:
    arguments, keywords = DELETE[name]
    response = make_response("deleted")
    response.delete_cookie(*arguments, **keywords)
    return response


def set_many() -> Response:
    response = make_response("many")
    response.set_cookie("a", "1")
    response.set_cookie("b", "2", httponly=True)
    response.set_cookie("a", "3")
    response.delete_cookie("c")
    response.headers.add("Set-Cookie", "raw=1; Path=/; Odd")
    return response


def echo() -> dict[str, Any]:
    return {k: request.cookies.getlist(k) for k in request.cookies}


for _app in (app, sized, unlimited):
    _app.add_url_rule("/set/<name>", "set_one", set_one)
    _app.add_url_rule("/delete/<name>", "delete_one", delete_one)
    _app.add_url_rule("/many", "many", set_many)
    _app.add_url_rule("/echo", "echo", echo)

APPS = {"main": app, "sized": sized, "unlimited": unlimited}

ROUND_TRIPS = (
    "plain value-space value-quote value-semicolon value-backslash value-unicode value-control "
    "value-equals value-percent value-newline value-empty"
).split()

REQUESTS: list[Ask] = [
    *(ask(f"set {name}", f"/set/{name}") for name in SET),
    *(ask(f"delete {name}", f"/delete/{name}") for name in DELETE),
    ask("many", "/many"),
    ask("sized small", "/set/plain", app="sized"),
    ask("sized big", "/set/all", app="sized"),
    ask("unlimited", "/set/big", app="unlimited"),
    *(
        one
        for name in ROUND_TRIPS
        for one in (
            ask(f"round {name}", f"/set/{name}", jar=name),
            ask(f"round {name} back", "/echo", jar=name),
        )
    ),
    ask("echo none", "/echo"),
    ask("echo repeated header", "/echo", headers=[("Cookie", "a=1"), ("Cookie", "a=2; b=3")]),
]
