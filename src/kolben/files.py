"""Files as responses."""

from __future__ import annotations

import mimetypes
import os
import re
import stat
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import lru_cache
from time import time
from typing import IO, Any, NamedTuple

from werkzeug import utils
from werkzeug.datastructures import Headers
from werkzeug.exceptions import NotFound, RequestedRangeNotSatisfiable
from werkzeug.http import http_date
from werkzeug.security import safe_join
from werkzeug.wsgi import wrap_file

from kolben.core.current import the_app, the_request
from kolben.core.file_body import PIECE_BYTES, FileBody
from kolben.core.response import Response as PlainResponse
from kolben.core.response import is_plain
from kolben.typing import Response, WSGIEnvironment

MaxAge = int | Callable[[str | None], int | None] | None

# PERF: a file of this size is read at once, without a file object: 4 us instead of 8 us
# (benchmarks/shortcuts.py). Its response is then a list, which servers send at once.
_SMALL_BYTES = PIECE_BYTES

_DESCRIBED_BY = frozenset({"mimetype", "as_attachment", "download_name", "max_age"})

# What a client may want of a file other than a part of it.
_ALL, _NOTHING = (0, -1), (0, 0)
_match_range = re.compile(r"bytes=([0-9]{1,15})-([0-9]{0,15})").fullmatch

# Names that stay as they are when paths are joined and normalized.
_is_plain_name = re.compile(r"\.?[^/\\\0.][^/\\\0]*(?:/\.?[^/\\\0.][^/\\\0]*)*").fullmatch
_date_text = lru_cache(maxsize=16)(http_date)


class Description(NamedTuple):
    """What is said of a file in every response, until the file is another."""

    mtime_ns: int
    size: int
    suffix: str
    suffix_type: str | None  # as mimetypes had it: apps may add types at any time
    headers: list[tuple[str, str]]
    length_at: int  # where that header is
    expires_at: int | None
    etag: str
    last_modified: str


# By path, response class and what send_file was asked for. Bounded, as an app may name downloads
# after what users send.
_descriptions: dict[tuple[Any, ...], Description] = {}
_MOST_DESCRIPTIONS = 512
_LONGEST_KEY = 1_024

_is_usual: dict[type, bool] = {}


def prepare_send_file_arguments(**kwargs: Any) -> dict[str, Any]:
    """Add to send_file's arguments what Werkzeug needs to know of the app and the request.

    max_age: get_send_file_max_age of the app, unless one is given.
    """
    app = the_app()
    if kwargs.get("max_age") is None:
        kwargs["max_age"] = app.get_send_file_max_age
    kwargs.update(
        environ=the_request().environ,
        use_x_sendfile=app.config["USE_X_SENDFILE"],
        response_class=app.response_class,
        _root_path=app.root_path,
    )
    return kwargs


def send_file(
    path_or_file: os.PathLike[Any] | str | IO[bytes],
    mimetype: str | None = None,
    as_attachment: bool = False,
    download_name: str | None = None,
    conditional: bool = True,
    etag: bool | str = True,
    last_modified: datetime | float | None = None,
    max_age: MaxAge = None,
) -> Response:
    """Make a response of a file.

    Never give it a path that a user chose: that is what send_from_directory is for.
    path_or_file: relative to app.root_path, or a binary file object at the position to start
    from, which the response closes; a file object needs mimetype or download_name.
    as_attachment: the browser offers to save it, as download_name.
    conditional: answer Range and If-None-Match (RFC 9110 §13, §14).
    etag: made from the file, or the one given. last_modified, max_age: in seconds.
    """
    if isinstance(path_or_file, (str, os.PathLike)) and (
        conditional and etag is True and last_modified is None
    ):
        the_request()  # raises outside of one
        path = os.path.join(the_app().root_path, path_or_file)
        found = os.stat(path)
        response = _send_described(path, found, mimetype, as_attachment, download_name, max_age)
        if response is not None:
            return response
    return utils.send_file(  # type: ignore[return-value]  # made of app.response_class
        **prepare_send_file_arguments(
            path_or_file=path_or_file,
            mimetype=mimetype,
            as_attachment=as_attachment,
            download_name=download_name,
            conditional=conditional,
            etag=etag,
            last_modified=last_modified,
            max_age=max_age,
        )
    )


def send_from_directory(
    directory: os.PathLike[str] | str, path: os.PathLike[str] | str, **kwargs: Any
) -> Response:
    """Make a response of a file inside a directory; NotFound (404) if it is none, or outside.

    directory: relative to app.root_path; not from a user. path: relative to it; may be from
    one. Keywords are those of send_file. A symbolic link that leads out of the directory is
    NotFound too, unless the app is configured with FOLLOW_SYMLINKS.
    """
    app = the_app()
    name = os.fspath(path)
    if os.name == "nt" and ":" in name:
        # SECURITY: another stream of a file (`a.py::$DATA`), or another drive.
        raise NotFound
    root = os.path.join(app.root_path, os.fspath(directory))
    follows_links = app.config.get("FOLLOW_SYMLINKS")
    if directory and kwargs.keys() <= _DESCRIBED_BY:
        found = _stat_inside(root, name, follows_links)
        if found is not None:
            response = _send_described(*found, **kwargs)
            if response is not None:
                return response
    if not follows_links and _leads_out(root, name):
        if app.debug:
            app.logger.warning(
                "%r is a link that leads out of %r, so it is not found. If that is meant, set"
                " app.config['FOLLOW_SYMLINKS'] = True.",
                name,
                root,
            )
        raise NotFound
    return utils.send_from_directory(  # type: ignore[return-value]  # as above
        directory, path, **prepare_send_file_arguments(**kwargs)
    )


def _leads_out(root: str, name: str) -> bool:
    """Say whether a name goes through a symbolic link to a place outside of a directory.

    A name that is no path inside is left to Werkzeug, which refuses it.
    """
    place = safe_join(root, name)
    if place is None or "\0" in name:
        return False
    # PERF: most names have no link in them; looking for one costs 1.4 us a part, realpath 18 us
    # for both names of it (timeit on Linux, eight levels deep).
    step = root
    for part in place[len(root) :].split("/"):
        step = f"{step}/{part}"
        if os.path.islink(step):
            inside = os.path.join(os.path.realpath(root), "")
            return not os.path.realpath(place).startswith(inside)
    return False


def _stat_inside(root: str, name: str, follows_links: object) -> tuple[str, os.stat_result] | None:
    """Return path and status of a file inside a directory; NotFound (404) if there is none.

    None: its name, or a link on the way to it, needs a closer look.
    """
    if os.name == "nt" or _is_plain_name(name) is None:
        return None
    try:
        *folders, last = name.split("/")
        step = root.rstrip("/")
        for folder in folders:
            step = f"{step}/{folder}"
            if not follows_links and os.path.islink(step):
                return None
        step = f"{step}/{last}"
        found = os.stat(step) if follows_links else os.lstat(step)
        if stat.S_ISLNK(found.st_mode):
            return None
    except (OSError, ValueError) as error:
        raise NotFound from error
    if not stat.S_ISREG(found.st_mode):
        raise NotFound
    return step, found


# Files that were sent before.


def _send_described(
    path: str,
    found: os.stat_result,
    mimetype: str | None = None,
    as_attachment: bool = False,
    download_name: str | None = None,
    max_age: MaxAge = None,
) -> Response | None:
    """Make the response of a file of this status; None: leave it to Werkzeug."""
    app = the_app()
    response_class = app.response_class
    usual = _is_usual.get(response_class)
    if usual is None:
        usual = _is_usual[response_class] = _makes_usual_responses(response_class)
    if not usual or app.config["USE_X_SENDFILE"] or not stat.S_ISREG(found.st_mode):
        return None
    if max_age is None:
        max_age = app.get_send_file_max_age
    if callable(max_age):
        max_age = max_age(path)
    if max_age is not None and type(max_age) is not int:
        return None
    key = (path, response_class, mimetype, as_attachment, download_name, max_age)
    known = _descriptions.get(key)
    if (
        known is None
        or known.mtime_ns != found.st_mtime_ns
        or known.size != found.st_size
        or known.suffix_type != mimetypes.types_map.get(known.suffix)
    ):
        known = _describe(key, found)
    return None if known is None else _answer(path, known, response_class, max_age)


def _makes_usual_responses(response_class: type[PlainResponse]) -> bool:
    return is_plain(response_class) and (
        response_class.make_conditional is PlainResponse.make_conditional
        and response_class.set_etag is PlainResponse.set_etag
    )


def _describe(key: tuple[Any, ...], found: os.stat_result) -> Description | None:
    """Find out what Werkzeug says of a file, and keep it; None: the file is another meanwhile."""
    path, response_class, mimetype, as_attachment, download_name, max_age = key
    response = utils.send_file(
        path,
        {},
        mimetype,
        as_attachment,
        download_name,
        conditional=False,
        max_age=max_age,
        response_class=response_class,
        _root_path="",
    )
    response.close()
    headers = list(response.headers)
    names = [name for name, _ in headers]
    etag = response.headers["ETag"]
    if not etag.startswith(f'"{found.st_mtime}-{found.st_size}-'):
        return None
    suffix = os.path.splitext(download_name or path)[1].lower()
    known = Description(
        found.st_mtime_ns,
        found.st_size,
        suffix,
        mimetypes.types_map.get(suffix),
        headers,
        names.index("Content-Length"),
        names.index("Expires") if "Expires" in names else None,
        etag,
        response.headers["Last-Modified"],
    )
    if len(path) + len(download_name or "") + len(mimetype or "") <= _LONGEST_KEY:
        if len(_descriptions) >= _MOST_DESCRIPTIONS:
            _descriptions.clear()
        _descriptions[key] = known
    return known


def _answer(
    path: str, known: Description, response_class: type[PlainResponse], max_age: int | None
) -> Response | None:
    """Make the response of a file; None: it is another meanwhile."""
    environ = the_request().environ
    # PERF: set what __init__ and the setters would, as core/response.plain_response does: 10 us
    # instead of 49 us (benchmarks/shortcuts.py).
    response = response_class.__new__(response_class)
    response.headers = Headers.__new__(Headers)
    response.headers._list = headers = known.headers.copy()
    response._on_close = []
    response.direct_passthrough = True
    if known.expires_at is not None and max_age is not None:
        headers[known.expires_at] = ("Expires", _date_text(int(time() + max_age)))
    start, stop = 0, known.size
    if environ["REQUEST_METHOD"] in {"GET", "HEAD"}:
        wanted = _wanted(environ, known)
        if wanted is None:
            return _answer_condition(environ, path, known, response)
        headers += (("Date", _date_text(int(time()))), ("Accept-Ranges", "bytes"))
        if wanted is _NOTHING:
            response._status, response._status_code = "304 NOT MODIFIED", 304
            response.response = []
            return response
        if wanted is not _ALL:
            start, stop = wanted
            response._status, response._status_code = "206 PARTIAL CONTENT", 206
            headers[known.length_at] = ("Content-Length", str(stop - start))
            headers.append(("Content-Range", f"bytes {start}-{stop - 1}/{known.size}"))
    body = _body_of(environ, path, known.size, start, stop)
    if body is None:
        return None
    response.response = body
    return response


def _wanted(environ: WSGIEnvironment, known: Description) -> tuple[int, int] | None:
    """Return which bytes a client wants, from and to; None: its conditions need a closer look."""
    if "HTTP_IF_MATCH" in environ:
        return None
    wanted = environ.get("HTTP_RANGE")
    if wanted is not None:
        found = _match_range(wanted)
        if found is None or environ.get("HTTP_IF_RANGE", known.etag) != known.etag:
            return None
        start, last = found.groups()
        part = int(start), min(int(last or known.size) + 1, known.size)
        return part if part[0] < part[1] else None
    etags = environ.get("HTTP_IF_NONE_MATCH")
    if etags is not None:
        # Proxies that compress make it weak.
        return _NOTHING if etags.removeprefix("W/") == known.etag else None
    since = environ.get("HTTP_IF_MODIFIED_SINCE")
    if since is not None:
        return _NOTHING if since == known.last_modified else None
    return _ALL


def _body_of(
    environ: WSGIEnvironment, path: str, size: int, start: int, stop: int
) -> Iterable[bytes] | None:
    """Return a part of a file as a body; None if it has another size by now."""
    if stop - start <= _SMALL_BYTES:
        data = _read_part(path, start, stop)
        is_same = len(data) == stop - start + (stop < size)
        return [data[: stop - start]] if is_same else None
    if stop - start == size and "wsgi.file_wrapper" in environ:
        return wrap_file(environ, open(path, "rb"), PIECE_BYTES)  # closed as the body
    body = FileBody(path, size)
    body.narrow(start, stop - start)
    return body


def _read_part(path: str, start: int, stop: int) -> bytes:
    """Read a small part of a file, and one byte more if there is more."""
    file = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        if start:
            os.lseek(file, start, os.SEEK_SET)
        return os.read(file, stop - start + 1)
    finally:
        os.close(file)


def _answer_condition(
    environ: WSGIEnvironment, path: str, known: Description, response: PlainResponse
) -> Response:
    """Let Werkzeug judge; RequestedRangeNotSatisfiable (416) for a range that there is not."""
    response.response = body = FileBody(path, known.size)
    try:
        response.make_conditional(environ, accept_ranges=True, complete_length=known.size)
    except RequestedRangeNotSatisfiable:
        body.close()
        raise
    part = response.content_range
    if response.status_code == 206 and part.start is not None and part.stop is not None:
        body.narrow(part.start, part.stop - part.start)
        response.response = body
    return response
