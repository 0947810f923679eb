"""Who it is, by name and password, by a digest, by a token, and several of these."""

from flask import Flask, g
from flask_httpauth import HTTPBasicAuth, HTTPDigestAuth, HTTPTokenAuth, MultiAuth
from werkzeug.security import check_password_hash, generate_password_hash

PACKAGE = "flask-httpauth"
SHOWS = "Basic, Digest, Bearer, several at once, roles, errors of one's own"
ASK = [
    "GET /basic",
    {"ask": "GET /basic", "headers": {"Authorization": "Basic YWRhOnNlY3JldA=="}},
    {"ask": "GET /basic", "headers": {"Authorization": "Basic YWRhOndyb25n"}},
    {"ask": "GET /basic", "headers": {"Authorization": "Basic !"}},
    {"ask": "GET /admin", "headers": {"Authorization": "Basic YWRhOnNlY3JldA=="}},
    {"ask": "GET /editor", "headers": {"Authorization": "Basic YWRhOnNlY3JldA=="}},
    {"ask": "GET /token", "headers": {"Authorization": "Bearer good"}},
    {"ask": "GET /token", "headers": {"Authorization": "Bearer bad"}},
    {"ask": "GET /any", "headers": {"Authorization": "Bearer good"}},
    {"ask": "GET /any", "headers": {"Authorization": "Basic YWRhOnNlY3JldA=="}},
    "GET /any",
    "GET /optional",
    "GET /digest",
    {"ask": "GET /digest", "headers": {"Authorization": 'Digest username="ada", nonce="x"'}},
]
RANDOM = [r'(?<=nonce=")\w+', r'(?<=opaque=")\w+']

app = Flask(__name__)
app.secret_key = "3e5a7b0c8f1d4d2a9e6b5c4f7a8d9e0b"
basic, digest, token = HTTPBasicAuth(), HTTPDigestAuth(), HTTPTokenAuth("Bearer")
several = MultiAuth(basic, token)
users = {"ada": generate_password_hash("secret", "pbkdf2:sha256:1")}


@basic.verify_password
def verify(name, password):
    return name if name in users and check_password_hash(users[name], password) else None


@basic.get_user_roles
def roles(name):
    return ["admin"]


@basic.error_handler
def refuse(status):
    return {"refused": status}, status


@token.verify_token
def verify_token(value):
    g.by = "token"
    return "robot" if value == "good" else None


@digest.get_password
def password(name):
    return "secret" if name == "ada" else None


@app.get("/basic")
@basic.login_required
def by_password():
    return f"you are {basic.current_user()}"


@app.get("/admin")
@basic.login_required(role="admin")
def admin():
    return "for admins"


@app.get("/editor")
@basic.login_required(role="editor")
def editor():
    return "for editors"


@app.get("/token")
@token.login_required
def by_token():
    return f"{token.current_user()} by {g.by}"


@app.get("/any")
@several.login_required
def by_any():
    return f"you are {several.current_user()}"


@app.get("/optional")
@basic.login_required(optional=True)
def optional():
    return f"you are {basic.current_user()}"


@app.get("/digest")
@digest.login_required
def by_digest():
    return "by digest"
