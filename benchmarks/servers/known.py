"""The servers that are measured, each started as its documentation says for production.

One worker each; access logs are off. {port} and {threads} are filled in.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

_APPS = "benchmarks.servers.apps"
_GRANIAN = "granian --interface {interface} --host 127.0.0.1 --port {{port}} --no-ws"
_UVICORN = "uvicorn --host 127.0.0.1 --port {port} --no-access-log --log-level warning"
_GUNICORN = "gunicorn --bind 127.0.0.1:{port} --workers 1"


@dataclass(frozen=True)
class Server:
    """A side.

    command: begins with a program of its environment. threads: how many views of it run at once,
    None where an event loop decides. environ: variables for the process; {port} is filled in.
    """

    environment: str
    command: str
    threads: int | None = None
    environ: tuple[tuple[str, str], ...] = ()
    note: str = ""


def _granian(environment: str, interface: str, app: str, threads: int | None = None) -> Server:
    command = _GRANIAN.format(interface=interface)
    if threads:
        command += " --blocking-threads {threads}"
    return Server(environment, f"{command} {_APPS}.{app}:app", threads)


_KOLBEN = "kolben --app {apps}.{app}:app serve --port {{port}} --interface {interface}"


def _kolben(interface: str, app: str, threads: int | None = None) -> Server:
    command = _KOLBEN.format(apps=_APPS, app=app, interface=interface)
    return Server("kolben", command + (" --threads {threads}" if threads else ""), threads)


DEFAULT_THREADS = 4

SERVERS = {
    "kolben-wsgi": _kolben("wsgi", "flask_app", DEFAULT_THREADS),
    "kolben-rsgi": _kolben("rsgi", "kolben_async"),
    "kolben-rsgi-def": replace(
        _kolben("rsgi", "flask_app", DEFAULT_THREADS),
        note="plain views, in threads beside the event loop",
    ),
    "kolben-asgi": _kolben("asgi", "kolben_async"),
    "granian-wsgi": _granian("granian", "wsgi", "granian_wsgi", DEFAULT_THREADS),
    "granian-asgi": _granian("granian", "asgi", "granian_asgi"),
    "granian-rsgi": _granian("granian", "rsgi", "granian_rsgi"),
    "flask-gunicorn-sync": Server("flask", f"{_GUNICORN} {_APPS}.flask_app:app", 1),
    "flask-gunicorn-gthread": Server(
        "flask", f"{_GUNICORN} --threads {{threads}} {_APPS}.flask_app:app", DEFAULT_THREADS
    ),
    "flask-granian": _granian("flask", "wsgi", "flask_app", DEFAULT_THREADS),
    "falcon-granian": _granian("falcon", "wsgi", "falcon_app", DEFAULT_THREADS),
    "starlette-uvicorn": Server("starlette", f"{_UVICORN} {_APPS}.starlette_app:app"),
    "starlette-granian": _granian("starlette", "asgi", "starlette_app"),
    "fastapi-uvicorn": Server("fastapi", f"{_UVICORN} {_APPS}.fastapi_app:app"),
    "litestar-uvicorn": Server("litestar", f"{_UVICORN} {_APPS}.litestar_app:app"),
    "quart-hypercorn": Server(
        "quart", f"hypercorn --bind 127.0.0.1:{{port}} -k uvloop {_APPS}.quart_app:app"
    ),
    "blacksheep-uvicorn": Server("blacksheep", f"{_UVICORN} {_APPS}.blacksheep_app:app"),
    "sanic": Server(
        "sanic",
        f"sanic {_APPS}.sanic_app:app --host 127.0.0.1 --port {{port}} --single-process"
        " --no-access-logs --no-motd",
    ),
    "robyn": Server(
        "robyn",
        f"python -m {_APPS}.robyn_app --processes 1 --workers 1 --log-level ERROR",
        environ=(("PORT", "{port}"),),
    ),
    "emmett55": Server(
        "emmett55",
        f"emmett55 -a {_APPS}.emmett55_app serve --host 127.0.0.1 --port {{port}} --no-ws",
    ),
    "django-bolt": Server(
        "django-bolt",
        "python -m django runbolt --host 127.0.0.1 --port {port} --processes 1 --no-admin",
        environ=(("DJANGO_SETTINGS_MODULE", f"{_APPS}.bolt.settings"),),
    ),
}


def server_of(name: str) -> Server:
    """Return a side by its name; NAME@3 is NAME with three threads. Raises KeyError."""
    base, at, threads = name.partition("@")
    server = SERVERS[base]
    if not at:
        return server
    if server.threads is None or "{threads}" not in server.command or not threads.isdecimal():
        raise KeyError(name)
    return replace(server, threads=int(threads))


# With one thread as well: the interpreter runs one view at a time, unless it waits.
DEFAULT_SIDES = (
    *SERVERS,
    "kolben-wsgi@1",
    "granian-wsgi@1",
    "flask-granian@1",
    "falcon-granian@1",
)
