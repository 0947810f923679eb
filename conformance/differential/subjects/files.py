"""Files: static ones, send_file in every form, send_from_directory, conditions, ranges, escapes."""

from __future__ import annotations

import datetime as dt
import io
import pathlib
from collections.abc import Callable
from typing import Any

from flask import Flask, current_app, send_file, send_from_directory, url_for

from conformance.differential.ask import Ask, ask
from conformance.differential.place import CHANGED_AT, FIXTURE, STATIC

app = Flask("files", root_path=str(FIXTURE))
renamed = Flask(
    "renamed", root_path=str(FIXTURE), static_url_path="/assets", static_folder="static"
)
at_root = Flask("at_root", root_path=str(FIXTURE), static_url_path="")
aged = Flask("aged", root_path=str(FIXTURE))
aged.config["SEND_FILE_MAX_AGE_DEFAULT"] = dt.timedelta(hours=1)
without = Flask("without", static_folder=None)
x_sendfile = Flask("x_sendfile", root_path=str(FIXTURE))
x_sendfile.config["USE_X_SENDFILE"] = True


class OwnAge(Flask):
    """An app that decides the age by name."""

    def get_send_file_max_age(self, filename: str | None) -> int | None:
        return 5 if filename and filename.endswith(".css") else None


own_age = OwnAge("own_age", root_path=str(FIXTURE))


class Unnamed(io.BytesIO):
    """A file object with a name that is no path."""

    name = "<memory>"


def memory(text: bytes = b"0123456789") -> io.BytesIO:
    return io.BytesIO(text)


def advanced() -> io.BytesIO:
    """A file object that does not stand at its start."""
    stream = memory()
    stream.seek(4)
    return stream


A = str(STATIC / "a.txt")
WHEN = dt.datetime(2020, 2, 29, 12, 30, 1, tzinfo=dt.UTC)

#: Calls of send_file, by name.
SEND: dict[str, Callable[[], Any]] = {
    "absolute": lambda: send_file(A),
    "pathlib": lambda: send_file(pathlib.Path(A)),
    "relative": lambda: send_file("static/a.txt"),
    "missing": lambda: send_file("static/missing.txt"),
    "directory": lambda: send_file("static"),
    "mimetype": lambda: send_file(A, mimetype="application/x-own"),
    "mimetype-charset": lambda: send_file(A, mimetype="text/plain; charset=latin-1"),
    "no-extension": lambda: send_file("static/README"),
    "gzip": lambda: send_file("static/pack.tar.gz"),
    "attachment": lambda: send_file(A, as_attachment=True),
    "download": lambda: send_file(A, download_name="other.csv"),
    "download-attachment": lambda: send_file(A, as_attachment=True, download_name="other.csv"),
    "download-unicode": lambda: send_file(A, as_attachment=True, download_name="\u00fc\u20ac \u65e5.txt"),
    "download-latin": lambda: send_file(A, as_attachment=True, download_name="caf\u00e9.txt"),
    "download-quote": lambda: send_file(A, as_attachment=True, download_name='a"b\\c;d.txt'),
    "download-newline": lambda: send_file(A, as_attachment=True, download_name="a\r\nX: y.txt"),
    "download-path": lambda: send_file(A, as_attachment=True, download_name="../x/y.txt"),
    "download-space": lambda: send_file(A, as_attachment=True, download_name="a b.txt"),
    "etag-off": lambda: send_file(A, etag=False),
    "etag-own": lambda: send_file(A, etag="own"),
    "conditional-off": lambda: send_file(A, conditional=False),
    "modified": lambda: send_file(A, last_modified=WHEN),
    "modified-number": lambda: send_file(A, last_modified=1_500_000_000),
    "age": lambda: send_file(A, max_age=60),
    "age-0": lambda: send_file(A, max_age=0),
    "age-call": lambda: send_file(A, max_age=lambda name: 30 if name else 1),
    "empty": lambda: send_file("static/empty.txt"),
    "big": lambda: send_file("static/big.bin"),
    "memory": lambda: send_file(memory(), mimetype="text/plain"),
    "memory-name": lambda: send_file(memory(), download_name="m.txt"),
    "memory-no-type": lambda: send_file(memory()),
    "memory-attachment-no-name": lambda: send_file(memory(), mimetype="text/plain", as_attachment=True),
    "memory-attachment": lambda: send_file(memory(), as_attachment=True, download_name="m.bin"),
    "memory-unconditional": lambda: send_file(memory(), download_name="m.txt", conditional=False),
    "memory-etag": lambda: send_file(memory(), download_name="m.txt", etag="e", last_modified=WHEN),
    "memory-advanced": lambda: send_file(advanced(), download_name="m.txt"),
    "memory-named": lambda: send_file(Unnamed(b"x"), mimetype="text/plain"),
    "text-stream": lambda: send_file(io.StringIO("text"), mimetype="text/plain"),
    "opened": lambda: send_file(open(A, "rb"), mimetype="text/plain"),  # noqa: SIM115
    "opened-download": lambda: send_file(open(A, "rb"), download_name="a.txt"),  # noqa: SIM115
    "opened-text": lambda: send_file(open(A), mimetype="text/plain"),  # noqa: SIM115
    "from-directory": lambda: send_from_directory(STATIC, "a.txt"),
    "from-directory-relative": lambda: send_from_directory("static", "sub/icon.svg"),
    "from-directory-options": lambda: send_from_directory(
        STATIC, "a.txt", as_attachment=True, download_name="z.txt", max_age=9
    ),
    "from-directory-missing": lambda: send_from_directory(STATIC, "missing"),
    "from-directory-folder": lambda: send_from_directory(STATIC, "sub"),
    "from-directory-up": lambda: send_from_directory(STATIC, "../../outside.txt"),
    "from-directory-absolute": lambda: send_from_directory(STATIC, A),
    "from-directory-nul": lambda: send_from_directory(STATIC, "a\x00.txt"),
    "from-directory-none": lambda: send_from_directory("no-such-folder", "a.txt"),
    "static-method": lambda: current_app.send_static_file("style.css"),
    "static-method-missing": lambda: current_app.send_static_file("missing"),
    "max-age-method": lambda: str(current_app.get_send_file_max_age("a")),
    "open-resource": lambda: current_app.open_resource("static/a.txt").read(),
    "open-resource-text": lambda: current_app.open_resource("static/a.txt", "r").read(),
    "open-resource-encoding": lambda: current_app.open_resource("static/a.txt", "r", encoding="utf-8").read(),
    "open-resource-write": lambda: current_app.open_resource("static/a.txt", "w").read(),
    "open-resource-missing": lambda: current_app.open_resource("static/missing").read(),
}  # fmt: skip


def send(name: str) -> Any:
    return SEND[name]()


def send_path(path: str) -> Any:
    return send_from_directory(STATIC, path)


ALL = (app, renamed, at_root, aged, without, x_sendfile, own_age)
for _app in ALL:
    _app.add_url_rule("/send/<name>", "send", send, methods=["GET", "POST"])
    _app.add_url_rule("/dir/<path:path>", "send_path", send_path)
    _app.add_url_rule(
        "/static-url", "static_url", lambda: url_for("static", filename="a b/\u00fc.txt", v=1)
    )

APPS = {one.name: one for one in ALL} | {"main": app}

#: Paths below /static/ and /dir/ that should find a file, or must not.
PATHS = [
    "a.txt", "style.css", "data.json", "README", "sub/icon.svg", "sub/index.html", ".hidden",
    "pack.tar.gz", "empty.txt", "big.bin", "caf%C3%A9.txt", "caf\u00e9.txt", "caf%E9.txt",
    "with%20space.txt", "with+space.txt", "a%23b%3Fc.txt", "percent%2541.txt", "percent%41.txt",
    "", "sub", "sub/", "missing.txt", "A.TXT", "a.txt/", "a.txt/x", "./a.txt", "sub/../a.txt",
    "..", "../", "../fixture/static/a.txt", "../../outside.txt", "%2e%2e/%2e%2e/outside.txt",
    "..%2f..%2foutside.txt", "..%5c..%5coutside.txt", "%252e%252e/outside.txt", "....//outside.txt",
    "%c0%ae%c0%ae/outside.txt", "/etc/passwd", "//etc/passwd", "%2fetc%2fpasswd", "a.txt%00",
    "a.txt%00.css", "%00", "a.txt%20", "a.txt.", "sub//icon.svg", "C:a.txt", "CON", "~/a.txt",
    "static/a.txt", "../static/a.txt", "a.txt;x", "a.txt%0a", "sub%2Ficon.svg", "x" * 300,
]  # fmt: skip

RANGES = [
    "bytes=0-0", "bytes=0-9", "bytes=5-", "bytes=-5", "bytes=0-99999", "bytes=10239-", "bytes=10240-",
    "bytes=-0", "bytes=-99999", "bytes=5-1", "bytes=0-1,5-6", "bytes=a-b", "bytes", "items=0-1",
    "bytes=0-1,", "bytes= 0 - 1", "BYTES=0-1", "bytes=" + "9" * 400 + "-", "bytes=\u0660-\u0661",
    "bytes=" + ",".join(["0-"] * 1000), "",
]  # fmt: skip

SINCE = "Tue, 14 Nov 2023 22:13:20 GMT"
assert CHANGED_AT == 1_700_000_000

CONDITIONS: dict[str, dict[str, str]] = {
    "same etag": {"If-None-Match": "{etag:static/a.txt}"},
    "weak etag": {"If-None-Match": "W/{etag:static/a.txt}"},
    "etags": {"If-None-Match": '"x", {etag:static/a.txt}'},
    "other etag": {"If-None-Match": '"x"'},
    "star": {"If-None-Match": "*"},
    "since": {"If-Modified-Since": SINCE},
    "since later": {"If-Modified-Since": "Tue, 14 Nov 2023 22:13:21 GMT"},
    "since earlier": {"If-Modified-Since": "Tue, 14 Nov 2023 22:13:19 GMT"},
    "since broken": {"If-Modified-Since": "then"},
    "etag wins": {"If-None-Match": '"x"', "If-Modified-Since": SINCE},
    "match": {"If-Match": "{etag:static/a.txt}"},
    "match other": {"If-Match": '"x"'},
    "unmodified": {"If-Unmodified-Since": "Tue, 14 Nov 2023 22:13:19 GMT"},
    "range if": {"Range": "bytes=0-2", "If-Range": "{etag:static/a.txt}"},
    "range if other": {"Range": "bytes=0-2", "If-Range": '"x"'},
    "range if date": {"Range": "bytes=0-2", "If-Range": SINCE},
    "range and etag": {"Range": "bytes=0-2", "If-None-Match": "{etag:static/a.txt}"},
}

REQUESTS: list[Ask] = [
    *(ask(f"send {name}", f"/send/{name}") for name in SEND),
    *(ask(f"head {name}", f"/send/{name}", "HEAD") for name in ("absolute", "memory", "missing", "opened")),
    *(ask(f"static {path[:40]}", f"/static/{path}") for path in PATHS),
    *(ask(f"dir {path[:40]}", f"/dir/{path}") for path in PATHS[18:]),
    *(ask(f"range {text[:40]}", "/static/big.bin", headers={"Range": text}) for text in RANGES),
    *(ask(f"memory range {text}", "/send/memory", headers={"Range": text}) for text in RANGES[:12]),
    *(ask(f"head range {text}", "/static/big.bin", "HEAD", headers={"Range": text}) for text in RANGES[1:3]),
    ask("empty range", "/static/empty.txt", headers={"Range": "bytes=0-0"}),
    ask("unconditional range", "/send/conditional-off", headers={"Range": "bytes=0-2"}),
    ask("two range headers", "/static/big.bin", headers=[("Range", "bytes=0-1"), ("Range", "bytes=3-4")]),
    *(ask(f"static {name}", "/static/a.txt", headers=headers) for name, headers in CONDITIONS.items()),
    *(ask(f"head {name}", "/static/a.txt", "HEAD", headers=CONDITIONS[name]) for name in ("same etag", "since", "range if")),
    ask("memory etag", "/send/memory-etag", headers={"If-None-Match": '"e"'}),
    ask("off etag", "/send/etag-off", headers={"If-None-Match": "{etag:static/a.txt}"}),
    ask("off conditional", "/send/conditional-off", headers={"If-None-Match": "{etag:static/a.txt}"}),
    ask("post etag", "/send/absolute", "POST", headers={"If-None-Match": "{etag:static/a.txt}"}),
    ask("static head", "/static/a.txt", "HEAD"),
    ask("static post", "/static/a.txt", "POST"),
    ask("static options", "/static/a.txt", "OPTIONS"),
    ask("static query", "/static/a.txt?v=1"),
    ask("file wrapper", "/static/a.txt", environ={"wsgi.file_wrapper": lambda f, size=8192: iter(lambda: f.read(4), b"")}),
    ask("renamed", "/assets/a.txt", app="renamed"),
    ask("renamed old", "/static/a.txt", app="renamed"),
    ask("at root", "/a.txt", app="at_root"),
    ask("at root in a folder", "/sub/icon.svg", app="at_root"),
    ask("at root, a view", "/send/absolute", app="at_root"),
    ask("aged", "/static/a.txt", app="aged"),
    ask("aged send", "/send/absolute", app="aged"),
    ask("aged none", "/send/age-0", app="aged"),
    ask("without", "/static/a.txt", app="without"),
    ask("without method", "/send/static-method", app="without"),
    ask("own age css", "/static/style.css", app="own_age"),
    ask("own age text", "/static/a.txt", app="own_age"),
    ask("own age method", "/send/max-age-method", app="own_age"),
    ask("aged method", "/send/max-age-method", app="aged"),
    *(ask(f"url {one.name}", "/static-url", app=one.name) for one in (app, renamed, at_root, without)),
]  # fmt: skip
