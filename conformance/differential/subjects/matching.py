"""Hosts: host matching, subdomains, trusted hosts, server names, and hosts that are none."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Flask, request, url_for

from conformance.differential.ask import Ask, ask

hosts = Flask("hosts", host_matching=True, static_host="static.test")
subdomains = Flask("subdomains", subdomain_matching=True)
subdomains.config["SERVER_NAME"] = "example.test:8000"
named = Flask("named")
named.config["SERVER_NAME"] = "example.test"
trusted = Flask("trusted")
trusted.config["TRUSTED_HOSTS"] = ["good.test", ".wide.test", "ported.test:81"]
plain = Flask("plain")
rooted = Flask("rooted")
rooted.config.update(APPLICATION_ROOT="/below", PREFERRED_URL_SCHEME="https", SECRET_KEY="k")


@hosts.route("/", host="one.test")
@hosts.route("/", host="two.test:8080", endpoint="two")
@hosts.route("/", host="<name>.wild.test", endpoint="wild")
@hosts.route("/branch/", host="one.test", endpoint="branch")
def by_host(**arguments: str) -> dict[str, Any]:
    own = url_for(request.endpoint or "", **arguments)
    other = url_for("wild", name="x")
    return {"endpoint": request.endpoint, "args": arguments, "own": own, "other": other}


@subdomains.route("/")
@subdomains.route("/", subdomain="admin", endpoint="admin")
@subdomains.route("/", subdomain="<user>", endpoint="user")
@subdomains.route("/branch/", subdomain="admin", endpoint="branch")
def by_subdomain(**arguments: str) -> dict[str, Any]:
    return {
        "endpoint": request.endpoint,
        "args": arguments,
        "admin": url_for("admin"),
        "user": url_for("user", user="joe"),
        "plain": url_for("by_subdomain"),
        "external": url_for("admin", _external=True),
    }


api = Blueprint("api", __name__, subdomain="api")


@api.route("/v1")
@api.route("/v2", subdomain="<user>", endpoint="v2")
def api_view(**arguments: str) -> dict[str, Any]:
    return {"endpoint": request.endpoint, "args": arguments}


subdomains.register_blueprint(api)
subdomains.register_blueprint(api, name="api2", subdomain="second", url_prefix="/p")


@plain.route("/")
@named.route("/")
@trusted.route("/")
@rooted.route("/")
def tell() -> dict[str, Any]:
    return {
        "host": request.host,
        "url": request.url,
        "base": request.base_url,
        "host_url": request.host_url,
        "url_root": request.url_root,
        "root_path": request.root_path,
        "secure": request.is_secure,
        "scheme": request.scheme,
        "external": url_for("tell", _external=True),
        "static": url_for("static", filename="a.txt", _external=True),
    }


@plain.route("/quiet")
@trusted.route("/quiet")
def quiet() -> str:
    return "the host was not read"


@plain.route("/branch/")
@named.route("/branch/")
@trusted.route("/branch/")
def branch() -> str:
    return "branch"


@trusted.before_request
def before() -> None:
    request.environ["before"] = "yes"


@trusted.after_request
def after(response: Any) -> Any:
    response.headers["X-Before"] = request.environ.get("before", "no")
    response.headers["X-Error"] = type(request.routing_exception).__name__
    return response


@plain.route("/trusted-late")
def trusted_late() -> str:
    request.trusted_hosts = ["good.test"]
    return request.host


APPS = {
    "hosts": hosts,
    "subdomains": subdomains,
    "named": named,
    "trusted": trusted,
    "plain": plain,
    "rooted": rooted,
}

ODD_HOSTS = [
    "example.com:", "example.com:abc", "a b", "a/x?y=", "user@evil.test", "[::1]", "[::1", "::1",
    '"', 'a"b', "EXAMPLE.com", "xn--bcher-kva.test", "b\u00fccher.test", "a..b", ".a", "a_b.test",
    "-", "127.0.0.1:5000", "a,b", "evil.test#x", "evil.test\\x", "%65vil.test", "x" * 300,
]  # fmt: skip


def at(app: str, *targets: str) -> list[Ask]:
    """Ask an app `host target`, host and target in one word."""
    made = []
    for target in targets:
        host, slash, path = target.partition("/")
        made.append(ask(f"{app} {target}", slash + path, app=app, host=host))
    return made


REQUESTS: list[Ask] = [
    *at("hosts", "one.test/", "two.test:8080/", "two.test/", "a.wild.test/", "a.b.wild.test/"),
    *at("hosts", "ONE.test/", "one.test/branch", "other.test/", "one.test/static/x"),
    *at("hosts", "static.test/static/x", "one.test:80/"),
    *at("subdomains", "example.test:8000/", "admin.example.test:8000/", "joe.example.test:8000/"),
    *at("subdomains", "admin.example.test:8000/branch", "api.example.test:8000/v1"),
    *at("subdomains", "joe.example.test:8000/v2", "second.example.test:8000/p/v1"),
    *at("subdomains", "other.test/", "a.b.example.test:8000/", "example.test/", "Admin.example.test:8000/"),
    *at("named", "example.test/", "other.test/", "www.example.test/branch", "example.test:8080/"),
    *at("trusted", "good.test/", "GOOD.test/", "good.test:80/", "good.test:8080/", "evil.test/"),
    *at("trusted", "wide.test/", "a.wide.test/", "awide.test/", "ported.test:81/", "ported.test/"),
    *at("trusted", "evil.test/quiet", "evil.test/branch", "evil.test/nothing", "good.test/branch"),
    ask("trusted without host", "/", app="trusted", host=None),
    *(ask(f"odd host {host[:20]}", "/", app="plain", host=host) for host in ODD_HOSTS),
    *(ask(f"odd host redirect {host[:20]}", "/branch", app="plain", host=host) for host in ODD_HOSTS[:9]),
    *(ask(f"odd host unread {host[:20]}", "/quiet", app="plain", host=host) for host in ODD_HOSTS[:7]),
    ask("no host", "/", app="plain", host=None),
    ask("no host, server port", "/", app="plain", host=None, environ={"SERVER_PORT": "8123"}),
    ask("no host in HTTP/1.0", "/", app="plain", host=None, environ={"SERVER_PROTOCOL": "HTTP/1.0"}),
    ask("no host in HTTP/1.0, redirect", "/branch", app="plain", host=None, environ={"SERVER_PROTOCOL": "HTTP/1.0"}),
    ask("empty host", "/", app="plain", host=""),
    ask("two hosts", "/", app="plain", headers=[("Host", "second.test")]),
    ask("trusted late", "/trusted-late", app="plain", host="good.test"),
    ask("trusted late evil", "/trusted-late", app="plain", host="evil.test"),
    ask("https", "/", app="plain", environ={"wsgi.url_scheme": "https", "SERVER_PORT": "443"}),
    ask("https port", "/", app="plain", host="a.test:443", environ={"wsgi.url_scheme": "https"}),
    ask("rooted", "/", app="rooted"),
    ask("rooted mounted", "/", app="rooted", environ={"SCRIPT_NAME": "/other"}),
    ask("forwarded is not trusted", "/", app="plain", headers={"X-Forwarded-Host": "evil.test", "X-Forwarded-Proto": "https"}),
]  # fmt: skip
