"""A login by a form, with and without being remembered, and pages for those who are logged in."""

from flask import Flask, redirect, request, session
from flask_login import (
    LoginManager,
    UserMixin,
    current_user,
    fresh_login_required,
    login_required,
    login_user,
    logout_user,
)

PACKAGE = "flask-login"
SHOWS = "login, remember me, a fresh login, logout"
ASK = [
    "GET /me",
    {"ask": "POST /login", "form": {"name": "eve", "password": "wrong"}},
    {"ask": "POST /login?next=/me", "form": {"name": "ada", "password": "secret"}},
    "GET /me",
    "GET /fresh",
    "POST /logout",
    "GET /me",
    {"ask": "POST /login", "form": {"name": "ada", "password": "secret", "remember": "1"}},
    "POST /forget-session",
    "GET /me",
    "GET /fresh",
    "GET /api",
    "POST /logout",
    "GET /api",
]
RANDOM = [r"(?<=remember_token=)[^;]+", r"(?<=Expires=)[^;]+"]

app = Flask(__name__)
app.secret_key = "3e5a7b0c8f1d4d2a9e6b5c4f7a8d9e0b"
logins = LoginManager(app)
logins.login_view = "login"
logins.refresh_view = "login"


class User(UserMixin):
    def __init__(self, name):
        self.id = name


@logins.user_loader
def load(name):
    return User(name) if name == "ada" else None


@logins.request_loader
def load_from_header(request):
    return User("robot") if request.headers.get("X-Key") == "robot" else None


@app.route("/login", methods=["GET", "POST"])
def login():
    if request.form.get("password") != "secret":
        return "who are you?", 403
    login_user(User(request.form["name"]), remember="remember" in request.form)
    return redirect(request.args.get("next", "/"))


@app.post("/logout")
@login_required
def logout():
    logout_user()
    return "bye"


@app.post("/forget-session")
def forget():
    session.clear()
    return ""


@app.get("/me")
@login_required
def me():
    return f"you are {current_user.id}"


@app.get("/fresh")
@fresh_login_required
def fresh():
    return "fresh"


@app.get("/api")
def api():
    return {"known": current_user.is_authenticated, "fresh": session.get("_fresh")}
