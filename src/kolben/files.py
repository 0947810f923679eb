"""Files as responses."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from typing import IO, Any

from werkzeug import utils
from werkzeug.exceptions import NotFound
from werkzeug.security import safe_join

from kolben.core.current import the_app, the_request
from kolben.typing import Response


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
    max_age: int | Callable[[str | None], int | None] | None = None,
) -> Response:
    """Make a response of a file.

    Never give it a path that a user chose: that is what send_from_directory is for.
    path_or_file: relative to app.root_path, or a binary file object at the position to start
    from, which the response closes; a file object needs mimetype or download_name.
    as_attachment: the browser offers to save it, as download_name.
    conditional: answer Range and If-None-Match (RFC 9110 §13, §14).
    etag: made from the file, or the one given. last_modified, max_age: in seconds.
    """
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
    arguments = prepare_send_file_arguments(**kwargs)
    app = the_app()
    name = os.fspath(path)
    if os.name == "nt" and ":" in name:
        # SECURITY: another stream of a file (`a.py::$DATA`), or another drive.
        raise NotFound
    root = os.path.join(app.root_path, os.fspath(directory))
    if not app.config.get("FOLLOW_SYMLINKS") and _leads_out(root, name):
        if app.debug:
            app.logger.warning(
                "%r is a link that leads out of %r, so it is not found. If that is meant, set"
                " app.config['FOLLOW_SYMLINKS'] = True.",
                name,
                root,
            )
        raise NotFound
    return utils.send_from_directory(  # type: ignore[return-value]  # as above
        directory, path, **arguments
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
