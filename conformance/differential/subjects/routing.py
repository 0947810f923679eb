"""Which view answers which path: converters, defaults, slashes, methods, redirects."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Flask, Response, current_app, json, request, url_for
from werkzeug.routing import BaseConverter, IntegerConverter, Rule, ValidationError

from conformance.differential.ask import Ask, ask, post

app = Flask("routing", static_folder=None)


class ListConverter(BaseConverter):
    """Values with commas between them."""

    part_isolating = True
    regex = r"[^/]+"

    def to_python(self, value: str) -> list[str]:
        return value.split(",")

    def to_url(self, value: Any) -> str:
        return ",".join(super(ListConverter, self).to_url(item) for item in value)


class EvenConverter(IntegerConverter):
    """Even numbers only; refuses others after the pattern has matched."""

    def to_python(self, value: str) -> int:
        number = super().to_python(value)
        if number % 2:
            raise ValidationError
        return int(number)


class AppConverter(BaseConverter):
    """Reads the app and the request, which a converter of Flask's may."""

    def to_python(self, value: str) -> str:
        return f"{current_app.name}:{request.method}:{value}"


class DeepConverter(BaseConverter):
    """A converter over several segments, of its own weight."""

    part_isolating = False
    regex = r"[^/].*?"
    weight = 300


app.url_map.converters.update(
    list=ListConverter, even=EvenConverter, app=AppConverter, deep=DeepConverter
)


def tell(**arguments: Any) -> Response:
    """Answer with what was matched, types included."""
    values = {name: [type(value).__name__, str(value)] for name, value in sorted(arguments.items())}
    rule = request.url_rule
    told = {
        "endpoint": request.endpoint,
        "rule": None if rule is None else rule.rule,
        "args": values,
        "view_args": None if request.view_args is None else sorted(request.view_args),
        "blueprint": request.blueprint,
        "path": request.path,
        "query": request.query_string.decode("latin-1"),
    }
    return Response(json.dumps(told, sort_keys=True), mimetype="application/json")


RULES: list[tuple[str, str, dict[str, Any]]] = [
    ("/", "root", {}),
    ("/string/<x>", "string", {}),
    ("/string-length/<string(length=2):x>", "string_length", {}),
    ("/string-between/<string(minlength=2, maxlength=3):x>", "string_between", {}),
    ("/int/<int:x>", "int", {}),
    ("/int-digits/<int(fixed_digits=4):x>", "int_digits", {}),
    ("/int-between/<int(min=3, max=20):x>", "int_between", {}),
    ("/int-signed/<int(signed=True):x>", "int_signed", {}),
    ("/float/<float:x>", "float", {}),
    ("/float-signed/<float(signed=True):x>", "float_signed", {}),
    ("/float-between/<float(min=0.5, max=2):x>", "float_between", {}),
    ("/path/<path:x>", "path", {}),
    ("/path/<path:x>/edit", "path_edit", {}),
    ("/path-slash/<path:x>/", "path_slash", {}),
    ("/uuid/<uuid:x>", "uuid", {}),
    ("/any/<any(about, help, 'with space', \"a,b\"):x>", "any", {}),
    ("/any-prefix/<any(a, ab, abc):x>c", "any_prefix", {}),
    ("/list/<list:x>", "list", {}),
    ("/even/<even:x>", "even", {}),
    ("/even/<x>", "odd", {}),
    ("/app/<app:x>", "app", {}),
    ("/deep/<deep:x>/end", "deep", {}),
    ("/two/<x>-<int:y>", "two", {}),
    ("/two/<x>.<y>", "two_dots", {}),
    ("/same/<x>/<x2>", "same", {}),
    ("/unicode/<x>", "unicode", {}),
    ("/\u00fcber/<x>", "unicode_static", {}),
    ("/with space", "space", {}),
    ("/pi|pe", "pipe", {}),
    ("/per%41cent", "percent", {}),
    ("/dots/./x", "dot", {}),
    # What wins over what.
    ("/weight/static", "weight_static", {}),
    ("/weight/<x>", "weight_string", {}),
    ("/weight/<int:x>", "weight_int", {}),
    ("/weight/<path:x>", "weight_path", {}),
    ("/weight/<any(red, blue):x>", "weight_any", {}),
    # Slashes.
    ("/leaf", "leaf", {}),
    ("/branch/", "branch", {}),
    ("/both", "both_leaf", {}),
    ("/both/", "both_branch", {}),
    ("/loose", "loose", {"strict_slashes": False}),
    ("/loose-branch/", "loose_branch", {"strict_slashes": False}),
    ("/branch/<int:x>/", "branch_int", {}),
    ("/branch-post/", "branch_post", {"methods": ["POST"]}),
    ("/merge/a/b", "merge", {}),
    ("/merge-not//b", "merge_not", {"merge_slashes": False}),
    ("/merge-path/<path:x>", "merge_path", {"merge_slashes": False}),
    # Defaults.
    ("/pages/", "pages", {"defaults": {"page": 1}}),
    ("/pages/<int:page>", "pages", {}),
    ("/only-default", "only_default", {"defaults": {"a": "A"}}),
    ("/old-name/<int:x>", "alias", {"alias": True}),
    ("/new-name/<int:x>", "alias", {}),
    # Redirects.
    ("/go", "go", {"redirect_to": "branch/"}),
    ("/go/<int:x>", "go_int", {"redirect_to": "/int/<x>"}),
    ("/go-call/<x>", "go_call", {"redirect_to": lambda adapter, x: f"string/{x}?by=call"}),
    # Methods.
    ("/method", "get_only", {}),
    ("/method", "post_only", {"methods": ["POST"]}),
    ("/method", "delete_only", {"methods": ["delete"]}),
    ("/method/put", "put_only", {"methods": {"PUT"}}),
    ("/method/custom", "custom", {"methods": ["PURGE", "get"]}),
    ("/method/head", "head_only", {"methods": ["HEAD"]}),
    ("/method/none", "no_methods", {"methods": []}),
    ("/method/options", "own_options", {"methods": ["OPTIONS", "GET"]}),
    ("/method/no-options", "no_options", {"provide_automatic_options": False}),
    ("/method/yes-options", "yes_options", {"methods": ["GET"], "provide_automatic_options": True}),
    ("/build-only", "build_only", {"build_only": True}),
    ("/ws", "socket", {"websocket": True}),
]

for _rule, _endpoint, _options in RULES:
    app.add_url_rule(_rule, _endpoint, tell, **_options)

app.url_map.add(Rule("/from-map/<int:n>", endpoint="from_map"))


@app.endpoint("from_map")
def from_map(n: int) -> str:
    return f"{n} by {request.endpoint}"


app.add_url_rule("/no-view", "no_view")


@app.route("/a-build")
def build() -> dict[str, Any]:
    return {
        "list": url_for("list", x=["a b", "c/d"]),
        "page": [url_for("pages"), url_for("pages", page=1), url_for("pages", page=2)],
        "alias": url_for("alias", x=3),
        "uuid": url_for("uuid", x=uuid.UUID(int=7)),
        "float": [url_for("float", x=1), url_for("float_signed", x=-2.5)],
        "digits": url_for("int_digits", x=7),
        "build_only": url_for("build_only"),
        "unicode": url_for("unicode", x="\u00e4/\u00f6"),
        "path": url_for("path", x="a/b c/\u00fc"),
        "any": url_for("any", x="with space"),
        "space": url_for("space"),
        "default": url_for("only_default"),
    }


app.get("/short/get", endpoint="short_get")(tell)
app.post("/short/post", endpoint="short_post")(tell)
app.put("/short/put", endpoint="short_put")(tell)
app.patch("/short/patch", endpoint="short_patch")(tell)
app.delete("/short/delete", endpoint="short_delete")(tell)

APPS = {"main": app}

#: Paths that are only asked with GET.
PATHS = """
/ /string/a /string/ /string/a/b /string/%20 /string/%2f /string/a%2Fb /string/%C3%BC /string/%ff
/string/a+b /string/%25 /string/%2e%2e /string/a%00b /string/a;b=c /string/a%0a
/string-length/ab /string-length/abc /string-between/a /string-between/abc /string-between/abcd
/int/0 /int/007 /int/-1 /int/1.0 /int/%D9%A3 /int/1_0 /int/+1 /int/99999999999999999999999
/int-digits/0042 /int-digits/42 /int-between/2 /int-between/3 /int-between/21 /int-signed/-5
/int-signed/5 /float/1.5 /float/1 /float/-1.5 /float/1. /float/.5 /float/1e5 /float/nan
/float-signed/-0.0 /float-between/0.4 /float-between/0.5 /float-between/2.1
/path/a /path/a/b/c /path/ /path/a//b /path//a /path/a/ /path/a/edit /path/edit /path/a/edit/
/path-slash/a /path-slash/a/b/
/uuid/6ba7b810-9dad-11d1-80b4-00c04fd430c8 /uuid/6BA7B810-9DAD-11D1-80B4-00C04FD430C8 /uuid/6ba7
/any/about /any/with%20space /any/a,b /any/other /any-prefix/abc /any-prefix/abcc
/list/a /list/a,b,,c /even/4 /even/3 /even/x /app/x /deep/a/b/end /deep//end /deep/end
/two/a-1 /two/a-b-1 /two/a.b /two/a.b.c /two/a-b /same/1/2 /unicode/x /%C3%BCber/x /%FCber/x
/with%20space /with+space /pi%7Cpe /pi|pe /per%41cent /perAcent /per%2541cent /dots/./x /dots/x
/weight/static /weight/other /weight/7 /weight/a/b /weight/red /weight/static/ /weight/-7
/leaf /leaf/ /branch /branch/ /branch?a=b&c=%20 /both /both/ /loose /loose/ /loose-branch
/loose-branch/ /branch/3 /branch/3/ /branch/x /merge/a/b /merge//a/b /merge///a//b?x=1 /merge/a/b/
/merge-not//b /merge-not/b /merge-path/a//b //leaf ///leaf //branch /merge//a/c
/pages/ /pages/1 /pages/1?q=x /pages/2 /pages /only-default /old-name/3 /old-name/3?a=1
/new-name/3 /go /go?x=1 /go/5 /go-call/x /method /method/put /method/head /method/none
/method/custom /build-only /ws /from-map/7 /no-view /nothing /Leaf /a-build /static/x /short/get
""".split()

METHODS = """
POST /method|DELETE /method|PUT /method|delete /method|OPTIONS /method|HEAD /method|PATCH /method
HEAD /leaf|HEAD /branch|OPTIONS /leaf|OPTIONS /branch|OPTIONS /leaf/|OPTIONS /nothing|OPTIONS *
OPTIONS /method/put|OPTIONS /method/options|OPTIONS /method/no-options|OPTIONS /method/yes-options
OPTIONS /method/none|HEAD /method/put|HEAD /method/head|PURGE /method/custom|HEAD /method/custom
GET /method/options|POST /method/options|TRACE /leaf|get /leaf|GeT /leaf|FOO /leaf
CONNECT localhost:80|POST /branch|PUT /branch?a=1|GET /branch-post/|GET /branch-post|POST /branch-post
POST /pages/1|POST /go|POST /merge//a/b|POST /no-view|DELETE /nothing|OPTIONS /string/a|POST /ws
POST /short/post|PUT /short/put|PATCH /short/patch|DELETE /short/delete|GET /short/post
"""


def _from_methods() -> list[Ask]:
    lines = [line for text in METHODS.split("\n") for line in text.split("|") if line]
    return [ask(line, line.split(" ")[1], line.split(" ")[0]) for line in lines]


REQUESTS: list[Ask] = [
    *(ask(path, path) for path in PATHS),
    *_from_methods(),
    post("body at a slash redirect", "/branch", b"a=1"),
    ask("script name", "/branch", environ={"SCRIPT_NAME": "/mounted"}),
    ask("script name slash", "/branch?x=1", environ={"SCRIPT_NAME": "/mounted/"}),
    ask("script name build", "/a-build", environ={"SCRIPT_NAME": "/mounted"}),
    ask("script name root", "", environ={"SCRIPT_NAME": "/mounted", "PATH_INFO": ""}),
    ask("path without slash", "leaf"),
    ask("long int", "/int/" + "9" * 4000),
    ask("too long int", "/int/" + "9" * 5000),
    ask("absolute target", "http://localhost/leaf"),
    ask("upgrade", "/ws", headers={"Connection": "Upgrade", "Upgrade": "websocket"}),
    ask("scheme", "/branch", environ={"wsgi.url_scheme": "https", "SERVER_PORT": "443"}),
    ask("other host", "/branch", host="example.com:8080"),
    ask("default port", "/branch", host="example.com:80"),
]
