"""What of a request reaches a view: raw paths, queries, headers, and everything odd in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask, Response, json, request

from conformance.differential.ask import Ask, ask

app = Flask("wire", static_folder=None)


def shown(value: object) -> str:
    """Show a value in ASCII, so that lone surrogates and control characters are seen."""
    return ascii(value)


#: What is read from the request, by the name in the path.
READ: dict[str, Callable[[], object]] = {
    "path": lambda: [request.path, request.full_path, request.base_url, request.url],
    "roots": lambda: [request.root_path, request.root_url, request.url_root, request.script_root],
    "args": lambda: list(request.args.items(multi=True)),
    "args-dict": lambda: [request.args.to_dict(), request.args.to_dict(flat=False)],
    "args-typed": lambda: [
        request.args.get("n", type=int),
        request.args.get("n", 7, type=int),
        request.args.getlist("n", type=int),
        request.args.get("missing"),
        "n" in request.args,
        len(request.args),
    ],
    "args-key": lambda: request.args["n"],
    "values": lambda: list(request.values.items(multi=True)),
    "query": lambda: request.query_string,
    "headers": lambda: sorted(request.headers.items()),
    "header": lambda: [
        request.headers.get("x-odd"),
        request.headers.get("X-ODD", "none"),
        request.headers.getlist("X-Odd"),
        "X-Odd" in request.headers,
    ],
    "header-key": lambda: request.headers["X-Odd"],
    "agent": lambda: [request.user_agent.string, str(request.user_agent), request.referrer],
    "accept": lambda: [
        list(request.accept_mimetypes),
        request.accept_mimetypes.best_match(["text/html", "application/json"]),
        request.accept_mimetypes.accept_json,
        request.accept_mimetypes.accept_html,
        list(request.accept_languages),
        request.accept_languages.best_match(["de", "en"]),
        list(request.accept_encodings),
        list(request.accept_charsets),
    ],
    "method": lambda: [request.method, request.scheme, request.is_secure],
    "remote": lambda: [request.remote_addr, request.access_route, request.remote_user],
    "auth": lambda: [
        request.authorization
        and [
            request.authorization.type,
            request.authorization.parameters,
            request.authorization.token,
            request.authorization.username,
            request.authorization.password,
        ]
    ],
    "cookies": lambda: [list(request.cookies.items(multi=True)), dict(request.cookies)],
    "types": lambda: [
        request.content_type,
        request.mimetype,
        request.mimetype_params,
        request.content_length,
        request.content_encoding,
        request.is_json,
    ],
    "conditions": lambda: [
        str(request.if_none_match),
        str(request.if_match),
        request.if_modified_since,
        request.if_unmodified_since,
        str(request.range),
        str(request.if_range),
    ],
    "cache": lambda: [
        request.cache_control.no_cache,
        request.cache_control.max_age,
        str(request.cache_control),
        str(request.pragma),
    ],
    "date": lambda: [request.date, request.max_forwards, request.origin],
    "cors": lambda: [
        request.access_control_request_method,
        request.access_control_request_headers and list(request.access_control_request_headers),
    ],
    "flags": lambda: [
        request.is_multithread,
        request.is_multiprocess,
        request.is_run_once,
        request.want_form_data_parsed,
        request.shallow,
    ],
    "rule": lambda: [
        str(request.url_rule),
        request.endpoint,
        request.view_args,
        request.blueprint,
        request.blueprints,
        request.routing_exception,
    ],
    "repr": lambda: repr(request._get_current_object()),
    "environ": lambda: [
        request.environ["REQUEST_METHOD"],
        request.environ["PATH_INFO"],
        request.environ.get("HTTP_X_ODD"),
        request.environ.get("SERVER_PROTOCOL"),
    ],
    "host": lambda: [request.host, request.host_url, request.server],
    "limits": lambda: [
        request.max_content_length,
        request.max_form_memory_size,
        request.max_form_parts,
    ],
    "once": lambda: [request.args is request.args, request.headers is request.headers],
}


def register(name: str, read: Callable[[], Any]) -> None:
    """Add the view that shows one thing, below a path that takes whatever follows."""

    def view(rest: str = "") -> Response:
        text = json.dumps({"read": shown(read()), "rest": shown(rest)})
        return Response(text, mimetype="application/json")

    methods = ["GET", "POST"]
    app.add_url_rule(f"/{name}", name, view, methods=methods)
    app.add_url_rule(f"/{name}/<path:rest>", f"{name}.rest", view, methods=methods)


for _name, _read in READ.items():
    register(_name.replace(".", "-"), _read)

APPS = {"main": app}

ODD_PATHS = [
    "/path/%2e%2e/x", "/path/../x", "/path/./x", "/path/a%2Fb", "/path/%00", "/path/a%00b",
    "/path/%01%1f%7f", "/path/%0d%0aX-A:%20b", "/path/%ff%fe", "/path/%c3%28", "/path/%c0%af",
    "/path/%ed%a0%80", "/path/%f0%9f%92%a9", "/path/%E2%82%AC", "/path/e%CC%81", "/path/%25%34%31",
    "/path/%", "/path/%zz", "/path/%u20ac", "/path/a;b;c=d", "/path/a:b@c", "/path/a&b=c",
    "/path/~a'()*!$", "/path/[x]", "/path/{x}", "/path/<x>", '/path/"', "/path/\\x", "/path/^`|",
    "/path/a%3Fb?c", "/path/a%23b", "/path/?", "/path?", "/path??", "/path/??a", "/path/%3f",
    "/%70ath/x", "//path/x", "/path//x", "/path/x//", "/PATH/x", "/path/" + "a" * 5000,
    "/path/%20", "/path/+", "/path/%2B", "/path/%c2%a0", "/path/%e2%80%ae", "/path/%ef%bb%bf",
]  # fmt: skip

ODD_QUERIES = [
    "a=1&a=2&b=", "a", "=", "=x", "&&&", "a=1&&b=2", "a=b=c", "a=1;b=2", "a=%20+%2B", "a=%zz",
    "a=%", "%61=%62", "a=%ff", "a=%c3%bc", "a=\u00fc", "a=%00", "a=%0d%0a", "a[]=1&a[]=2",
    "a[b]=c", "a.b=c", "a=<script>", "a=1#frag", "n=5", "n=five", "n=5&n=x&n=6", "n=", "n=%D9%A3",
    "n=1_000", "n=+5", "?a=1", "a=1?b=2", "a=%u20ac", "%ff=1", "a=%ed%a0%80", "+=+", "a=/../",
]  # fmt: skip

ODD_HEADERS: dict[str, list[tuple[str, str]]] = {
    "none": [],
    "one": [("X-Odd", "value")],
    "empty": [("X-Odd", "")],
    "repeated": [("X-Odd", "a"), ("X-Odd", "b")],
    "case": [("x-ODD", "value")],
    "spaces": [("X-Odd", "  a  b  ")],
    "unicode": [("X-Odd", "caf\u00e9 \u20ac")],
    "control": [("X-Odd", "a\x01\x7fb")],
    "newline": [("X-Odd", "a\r\nX-B: c")],
    "null": [("X-Odd", "a\x00b")],
    "comma": [("X-Odd", "a,b , c")],
    "quotes": [("X-Odd", "\"a, b\", c='d'")],
    "underscore": [("X_Odd", "value")],
    "long": [("X-Odd", "x" * 9000)],
}


def _reading() -> list[Ask]:
    """Ask for single headers that are parsed."""
    asked = []
    for read, header, values in PARSED:
        for value in values:
            name = f"{read} {header} {value[:40]}"
            asked.append(ask(name, f"/{read}", headers={header: value}))
    return asked


PARSED: list[tuple[str, str, list[str]]] = [
    ("agent", "User-Agent", ["Mozilla/5.0 (X11; Linux)", "", "\u00e4"]),
    ("agent", "Referer", ["http://a.test/b?c#d", "not a url"]),
    ("accept", "Accept", [
        "text/html", "application/json", "*/*", "text/*;q=0.5, application/json;q=0.9",
        "text/html;level=1, text/html;level=2;q=0.4", "text/html;q=0", "text/html;q=2", "garbage",
        "application/vnd.api+json", "text/html;q=abc", ",,,", "",
    ]),
    ("accept", "Accept-Language", ["de-CH, de;q=0.9, en;q=0.8", "*", "en-US", "x" * 50, "de;q=-1"]),
    ("accept", "Accept-Encoding", ["gzip, br;q=0.1", "identity;q=0"]),
    ("accept", "Accept-Charset", ["utf-8, iso-8859-1;q=0.5"]),
    ("auth", "Authorization", [
        "Basic dXNlcjpwYXNz", "basic dXNlcjpwYXNz", "Basic dXNlcg==", "Basic !!!", "Basic", "Basic ",
        "Basic w7xzZXI6cMOkc3M6eA==", "Basic /zr/", "Bearer abc.def-_~+/=", "Bearer", "Token a=b",
        'Digest username="u", realm="r", nonce="n", uri="/", response="x"', "Digest broken", "x", "",
    ]),
    ("remote", "X-Forwarded-For", ["6.6.6.6, 7.7.7.7"]),
    ("cookies", "Cookie", [
        "a=1; b=2", "a=1;b=2;a=3", "a", "a=", "=b", "=", "a=b=c", 'a="q\\"x"', 'a="\\303\\274"',
        "a=\u00fc", "a=%20b", "a=1, b=2", " a = 1 ; b", "__Host-a=1", "=__Host-a=bad", "a=1;;;b=2",
        "a=\x00", "$Version=1; a=1", "a=" + "x" * 5000, "a[b]=c", "a=(b); c={d}",
    ]),
    ("types", "Content-Type", [
        "text/plain", "Text/Plain; Charset=UTF-8", "application/json", "application/hal+json",
        "application/json; charset=latin1", 'multipart/form-data; boundary="a b"', ";", "garbage",
        "text/html; a=1; a=2", "text/html; title*=UTF-8''%e2%82%ac", "application/jsonx", "",
    ]),
    ("types", "Content-Encoding", ["gzip"]),
    ("conditions", "If-None-Match", ['"a", W/"b"', "*", "a, b", '"', ""]),
    ("conditions", "If-Match", ['"a"', "*"]),
    ("conditions", "If-Modified-Since", [
        "Sat, 29 Feb 2020 12:30:01 GMT", "Saturday, 29-Feb-20 12:30:01 GMT",
        "Sat Feb 29 12:30:01 2020", "2020-02-29", "Sat, 30 Feb 2020 12:30:01 GMT", "0",
    ]),
    ("conditions", "Range", [
        "bytes=0-1", "bytes=0-1,5-", "bytes=-5", "bytes=5-1", "bytes=a-b", "bytes=", "bytes", "x=1-2",
        "bytes=0-0,-1", "bytes= 1 - 2 ", "bytes=-0", "bytes=\u0661-\u0662", "bytes=1-2,", "bytes=--1",
    ]),
    ("conditions", "If-Range", ['"a"', "Sat, 29 Feb 2020 12:30:01 GMT", "x"]),
    ("cache", "Cache-Control", ["no-cache, max-age=5", "max-age=x", 'no-cache="a, b"', "max-age"]),
    ("cache", "Pragma", ["no-cache"]),
    ("date", "Date", ["Sat, 29 Feb 2020 12:30:01 GMT", "now"]),
    ("date", "Max-Forwards", ["10", "x"]),
    ("date", "Origin", ["null", "http://a.test"]),
    ("cors", "Access-Control-Request-Method", ["PUT"]),
    ("cors", "Access-Control-Request-Headers", ["X-A, x-b"]),
]  # fmt: skip

REQUESTS: list[Ask] = [
    *(ask(path[:60], path) for path in ODD_PATHS),
    *(ask(f"args {query}", f"/args?{query}") for query in ODD_QUERIES),
    *(ask(f"query {query}", f"/query?{query}") for query in ODD_QUERIES[:18:2]),
    *(ask(f"typed {query}", f"/args-typed?{query}") for query in ODD_QUERIES if query[:1] == "n"),
    ask("dict", "/args-dict?a=1&a=2&b=3"),
    ask("key", "/args-key?n=1"),
    ask("key missing", "/args-key?m=1"),
    ask("values", "/values?a=1&a=2"),
    *(ask(f"header {name}", "/header", headers=pairs) for name, pairs in ODD_HEADERS.items()),
    *(ask(f"headers {name}", "/headers", headers=pairs) for name, pairs in ODD_HEADERS.items()),
    ask("header key", "/header-key", headers={"X-Odd": "1"}),
    ask("header key missing", "/header-key"),
    *_reading(),
    *(ask(f"read {name}", f"/{name}/below") for name in READ if name not in {"args-key", "header-key"}),
    ask("full path", "/path/x?a=1&b=%20"),
    ask("script name", "/path/x?y", environ={"SCRIPT_NAME": "/under/here"}),
    ask("script name roots", "/roots", environ={"SCRIPT_NAME": "/under/\u00c3\u00bc"}),
    ask("method lower", "/method", "post"),
    ask("length not a number", "/types", environ={"CONTENT_LENGTH": "abc"}),
    ask("length negative", "/types", environ={"CONTENT_LENGTH": "-5"}),
    ask("length empty", "/types", environ={"CONTENT_LENGTH": ""}),
    ask("length signed", "/types", environ={"CONTENT_LENGTH": "+5"}),
    ask("length unicode digit", "/types", environ={"CONTENT_LENGTH": "\u00b2"}),
    ask("remote user", "/remote", environ={"REMOTE_USER": "ann"}),
    ask("no remote", "/remote", environ={"REMOTE_ADDR": None}),
    ask("unix socket", "/host", host=None, environ={"SERVER_NAME": "unix:/x.sock", "SERVER_PORT": None}),
    ask("query not utf-8", "/args", environ={"QUERY_STRING": "a=\xfc"}),
    ask("no query string", "/args", environ={"QUERY_STRING": None}),
    ask("no path info", "/path", environ={"PATH_INFO": None}),
    ask("httpoxy", "/headers", headers={"Proxy": "http://evil.test"}),
    ask("transfer encoding", "/headers", chunked=True),
]  # fmt: skip
