"""Runs in the process under test: sends every request of the tables and writes the answers.

`python -m conformance.differential.driver flask|kolben ANSWERS.json [SUBJECT ...]`

The WSGI environ is made here by hand, so that odd bytes arrive, and the same in both processes.
"""

from __future__ import annotations

import base64
import hashlib
import importlib
import importlib.metadata
import io
import json
import logging
import mimetypes
import platform
import re
import sys
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

from conformance.differential import normalise
from conformance.differential.ask import Ask
from conformance.differential.subjects import NAMES

Answer = dict[str, Any]

#: A longer body is recorded as its length and digest.
LONGEST_BODY = 3000

_PLACEHOLDER = re.compile(r"\{etag:([^}]+)\}")


class _Log(logging.Handler):
    """Collects what is logged while one request runs."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep level, logger and the type of the logged exception; wording is free.

        "Exception on PATH [METHOD]" is kept too: people search their logs for it.
        """
        line = f"{record.levelname} {record.name}"
        if record.getMessage().startswith("Exception on "):
            line += f": {record.getMessage()}"
        if record.exc_info and record.exc_info[0] is not None:
            line += f" [{record.exc_info[0].__name__}]"
        self.lines.append(line)


class Jars(dict[str, dict[str, str]]):
    """Cookies by jar, as simple as a table needs: no paths, no domains, no ends."""

    def keep(self, jar: str, headers: Iterable[tuple[str, str]]) -> None:
        """Take over the cookies that an answer sets and deletes."""
        cookies = self.setdefault(jar, {})
        for name, value in headers:
            if name.lower() != "set-cookie":
                continue
            key, _, content = value.partition(";")[0].partition("=")
            cookies[key] = content
            if "Max-Age=0" in value:
                del cookies[key]


def make_environ(request: Ask, jars: Jars) -> dict[str, Any]:
    """Make the environ of a request as a WSGI server would."""
    target = request.target.encode().decode("latin-1")
    raw_path, _, query = target.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(raw_path.encode("latin-1")).decode("latin-1"),
        "QUERY_STRING": query,
        "REQUEST_URI": target,
        "RAW_URI": target,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    _declare_length(request, environ)
    for name, value in _header_pairs(request, jars):
        key = name.upper().replace("-", "_")
        if key not in {"CONTENT_TYPE", "CONTENT_LENGTH"}:
            key = f"HTTP_{key}"
        joint = "; " if key == "HTTP_COOKIE" else ","
        environ[key] = f"{environ[key]}{joint}{value}" if key in environ else value
    for key, value in request.environ.items():
        environ[key] = value
        if value is None:
            del environ[key]
    return environ


def _declare_length(request: Ask, environ: dict[str, Any]) -> None:
    """Say how long the body is, in the way that the request asks for."""
    if request.chunked:
        environ["wsgi.input_terminated"] = True
        environ["HTTP_TRANSFER_ENCODING"] = "chunked"
    elif request.length == "auto":
        if request.body or request.method in {"POST", "PUT", "PATCH"}:
            environ["CONTENT_LENGTH"] = str(len(request.body))
    elif request.length is not None:
        environ["CONTENT_LENGTH"] = str(request.length)


def _header_pairs(request: Ask, jars: Jars) -> list[tuple[str, str]]:
    """List the headers to send: the host, those of the table, and the cookies."""
    pairs = [] if request.host is None else [("Host", request.host)]
    for name, value in request.header_pairs():
        text = _PLACEHOLDER.sub(lambda found: normalise.etag(found[1]), value)
        pairs.append((name, text.encode().decode("latin-1")))
    if request.session is not None:
        pairs.append(("Cookie", f"{request.session.name}={normalise.sign(request.session)}"))
    if request.jar is not None:
        pairs += [("Cookie", f"{k}={v}") for k, v in jars.get(request.jar, {}).items()]
    return pairs


def _message(error: BaseException) -> str:
    """Gather all words of an error: its text and, for HTTP errors, the description."""
    return f"{error} {getattr(error, 'description', '')}"


def call(app: Any, request: Ask, jars: Jars) -> Answer:
    """Send one request as a WSGI server does and write down all that comes back."""
    flask = importlib.import_module("flask")
    started: list[tuple[str, list[tuple[str, str]]]] = []
    chunks: list[bytes] = []
    answer: Answer = {}

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        started.append((status, list(headers)))
        if not flask.has_request_context():
            answer["started"] = "outside of a request"
        return chunks.append

    try:
        _read_body(app(make_environ(request, jars), start_response), chunks, answer)
    except BaseException as error:  # what a server would log, or end by, is part of the answer
        if isinstance(error, KeyboardInterrupt):
            raise
        answer["raised"] = type(error).__name__
        if request.says:
            answer["says"] = {part: part in _message(error) for part in request.says}
    if started:
        status, headers = started[-1]
        pairs = [[k, normalise.header(k, v)] for k, v in headers]
        answer["status"] = status
        # The order of names means nothing, the order of one name's values does: RFC 9110 §5.3.
        answer["headers"] = sorted(pairs, key=lambda pair: pair[0].lower())
        if request.jar is not None:
            jars.keep(request.jar, headers)
    if len(started) > 1:
        answer["starts"] = len(started)
    answer.update(_readable(b"".join(chunks)))
    return answer


def _read_body(body: Any, chunks: list[bytes], answer: Answer) -> None:
    """Read the iterable that an app returned, and close it whatever happens."""
    try:
        for chunk in body:
            if not isinstance(chunk, bytes):
                answer["not bytes"] = type(chunk).__name__
                return
            chunks.append(chunk)
    finally:
        if hasattr(body, "close"):
            body.close()


def _readable(body: bytes) -> Answer:
    if len(body) > LONGEST_BODY:
        digest = hashlib.sha256(body).hexdigest()
        return {"length": len(body), "sha256": digest}
    try:
        return {"body": body.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(body).decode()}


def answers_of(subject: str, log: _Log) -> dict[str, Answer]:
    """Send all requests of one subject, in their order, to its own apps."""
    module = importlib.import_module(f"conformance.differential.subjects.{subject}")
    jars = Jars()
    answers: dict[str, Answer] = {}
    for request in module.REQUESTS:
        log.lines.clear()
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            answer = call(module.APPS[request.app], request, jars)
        names = sorted({w.category.__name__ for w in warned} - {"ResourceWarning"})
        if names:
            answer["warned"] = names
        if log.lines:
            answer["log"] = list(log.lines)
        key = f"{subject}/{request.name}"
        if key in answers:
            raise ValueError(f"Two requests are named {key!r}: give one of them another name.")
        answers[key] = answer
    return answers


def _versions() -> dict[str, str]:
    """Tell the versions that an answer may depend on."""
    names = ("werkzeug", "jinja2", "markupsafe", "itsdangerous")
    found = {name: importlib.metadata.version(name) for name in names}
    return found | {"python": platform.python_version()}


def main(framework: str, target: str, subjects: list[str]) -> None:
    """Write the answers of this process's Flask to a JSON file."""
    if framework == "kolben":
        importlib.import_module("kolben.drop_in").install()
    # The types of the machine's own table would differ from machine to machine.
    mimetypes.init(files=[])
    log = _Log()
    logging.getLogger().addHandler(log)
    answers: dict[str, Answer] = {}
    for subject in subjects or NAMES:
        answers |= answers_of(subject, log)
    record = {"versions": _versions(), "answers": answers}
    Path(target).write_text(json.dumps(record, indent=1, ensure_ascii=True, sort_keys=True) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
