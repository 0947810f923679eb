"""Users in a database who register, log in with a form or a token, and have roles."""

import uuid

from flask import Flask
from flask_security import (
    Security,
    SQLAlchemyUserDatastore,
    auth_required,
    current_user,
    hash_password,
    roles_required,
)
from flask_security.models import fsqla_v3
from flask_sqlalchemy import SQLAlchemy

PACKAGE = "flask-security"
SHOWS = "register, login by form and JSON, roles, token, logout"
BEFORE = ["flask seed"]
ASK = [
    "GET /me",
    {"ask": "GET /login", "keep": {"token": r'name="csrf_token" type="hidden" value="([^"]+)"'}},
    {
        "ask": "POST /login",
        "form": {"email": "ada@example.com", "password": "wrong", "csrf_token": "{token}"},
    },
    {
        "ask": "POST /login",
        "form": {"email": "ada@example.com", "password": "a long secret", "csrf_token": "{token}"},
    },
    "GET /me",
    "GET /admin",
    "GET /editor",
    "POST /logout",
    "GET /me",
    "GET /register",
    {
        "ask": "POST /register",
        "form": {
            "email": "bob@example.com",
            "password": "another secret",
            "password_confirm": "another secret",
        },
    },
    {"ask": "GET /me", "headers": {"Accept": "application/json"}},
    {"ask": "POST /logout"},
    {
        "ask": "POST /login?include_auth_token",
        "json": {"email": "ada@example.com", "password": "a long secret"},
        "keep": {"key": r'"authentication_token": ?"([^"]+)"'},
    },
    {"ask": "POST /logout"},
    {"ask": "GET /token-only", "headers": {"Authentication-Token": "{key}"}},
    {"ask": "GET /token-only", "headers": {"Authentication-Token": "x"}},
]
RANDOM = [r"(?<=Expires=)[^;]+", r'(?<="authentication_token":)[^\n]*', r"(?<=fs_cc\": \")\w+"]

app = Flask(__name__)
app.config.update(
    SECRET_KEY="3e5a7b0c8f1d4d2a9e6b5c4f7a8d9e0b",
    SQLALCHEMY_DATABASE_URI="sqlite:///users.db",
    SECURITY_PASSWORD_SALT="146585145368132386173505678016728509634",
    SECURITY_REGISTERABLE=True,
    SECURITY_SEND_REGISTER_EMAIL=False,
    SECURITY_EMAIL_VALIDATOR_ARGS={"check_deliverability": False, "test_environment": True},
    WTF_CSRF_CHECK_DEFAULT=False,
)
db = SQLAlchemy(app)
fsqla_v3.FsModels.set_db_info(db)


class Role(db.Model, fsqla_v3.FsRoleMixin):
    pass


class User(db.Model, fsqla_v3.FsUserMixin):
    pass


users = SQLAlchemyUserDatastore(db, User, Role)
security = Security(app, users)


@app.cli.command()
def seed():
    """Make the tables, and a user."""
    db.create_all()
    users.create_user(
        email="ada@example.com",
        password=hash_password("a long secret"),
        roles=[users.create_role(name="admin")],
        fs_uniquifier=uuid.UUID(int=1).hex,
    )
    db.session.commit()


@app.get("/me")
@auth_required()
def me():
    return {"email": current_user.email}


@app.get("/admin")
@roles_required("admin")
def admin():
    return "for admins"


@app.get("/editor")
@roles_required("editor")
def editor():
    return "for editors"


@app.get("/token-only")
@auth_required("token")
def by_token():
    return {"email": current_user.email}
