"""Access and refresh tokens, in headers and in cookies with a token against forgery."""

from flask import Flask, jsonify, request
from flask_jwt_extended import (
    JWTManager,
    create_access_token,
    create_refresh_token,
    current_user,
    get_jwt,
    get_jwt_identity,
    jwt_required,
    set_access_cookies,
    unset_jwt_cookies,
)

PACKAGE = "flask-jwt-extended"
SHOWS = "access, refresh and revoked tokens; cookies with CSRF"
ASK = [
    "GET /me",
    {"ask": "POST /login", "json": {"name": "ada", "password": "wrong"}},
    {
        "ask": "POST /login",
        "json": {"name": "ada", "password": "secret"},
        "keep": {"access": r'"access":"([^"]+)"', "refresh": r'"refresh":"([^"]+)"'},
    },
    {"ask": "GET /me", "headers": {"Authorization": "Bearer {access}"}},
    {"ask": "GET /me", "headers": {"Authorization": "Bearer {access}x"}},
    {"ask": "GET /me", "headers": {"Authorization": "Bearer x"}},
    {"ask": "POST /refresh", "headers": {"Authorization": "Bearer {access}"}},
    {"ask": "POST /refresh", "headers": {"Authorization": "Bearer {refresh}"}},
    "GET /maybe",
    {"ask": "GET /maybe", "headers": {"Authorization": "Bearer {access}"}},
    {"ask": "DELETE /token", "headers": {"Authorization": "Bearer {access}"}},
    {"ask": "GET /me", "headers": {"Authorization": "Bearer {access}"}},
    {"ask": "POST /cookies", "keep": {"csrf": r"csrf_access_token=([^;]+)"}},
    "GET /me",
    "POST /cookies/change",
    {"ask": "POST /cookies/change", "headers": {"X-CSRF-TOKEN": "{csrf}"}},
    "DELETE /cookies",
    "GET /me",
]
RANDOM = [r"(?<=csrf_access_token=)[\w-]{30,}"]

app = Flask(__name__)
app.secret_key = "3e5a7b0c8f1d4d2a9e6b5c4f7a8d9e0b"
app.config["JWT_TOKEN_LOCATION"] = ["headers", "cookies"]
jwt = JWTManager(app)
revoked = set()


@jwt.token_in_blocklist_loader
def is_revoked(header, data):
    return data["jti"] in revoked


@jwt.user_lookup_loader
def look_up(header, data):
    return {"name": data["sub"], "cat": data.get("cat")}


@app.post("/login")
def login():
    if request.json["password"] != "secret":
        return {"error": "who are you?"}, 401
    name = request.json["name"]
    return {
        "access": create_access_token(name, fresh=True, additional_claims={"cat": "Tom"}),
        "refresh": create_refresh_token(name),
    }


@app.get("/me")
@jwt_required()
def me():
    return jsonify(**current_user)


@app.post("/refresh")
@jwt_required(refresh=True)
def refresh():
    return {"access": create_access_token(get_jwt_identity())}


@app.get("/maybe")
@jwt_required(optional=True)
def maybe():
    return {"who": get_jwt_identity()}


@app.delete("/token")
@jwt_required()
def revoke():
    revoked.add(get_jwt()["jti"])
    return "", 204


@app.post("/cookies")
def with_cookies():
    response = jsonify(ok=True)
    set_access_cookies(response, create_access_token("ada"))
    return response


@app.post("/cookies/change")
@jwt_required()
def change():
    return {"changed": True}


@app.delete("/cookies")
def without_cookies():
    response = jsonify(ok=True)
    unset_jwt_cookies(response)
    return response
