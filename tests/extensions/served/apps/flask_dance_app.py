"""A login at a provider by OAuth 2; the provider is the same app, and asked over HTTP."""

import os

from flask import Flask, redirect, request, url_for
from flask_dance.consumer import OAuth2ConsumerBlueprint, oauth_authorized

PACKAGE = "flask-dance"
SHOWS = "a login by OAuth 2 at a local provider, and a request with its token"
ASK = [
    "GET /me",
    {"ask": "GET /login/shop", "keep": {"state": r"state=(\w+)"}},
    "GET /login/shop/authorized?code=good&state=forged",
    {"ask": "GET /login/shop", "keep": {"state": r"state=(\w+)"}},
    "GET /login/shop/authorized?code=good&state={state}",
    "GET /me",
    {"ask": "GET /login/shop", "keep": {"state": r"state=(\w+)"}},
    "GET /login/shop/authorized?error=access_denied&state={state}",
    "GET /told",
    "POST /logout",
    "GET /me",
]
RANDOM = [r"(?<=state=)\w{20,}"]

os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
provider = f"http://127.0.0.1:{os.environ['MATRIX_PORT']}/provider"
app = Flask(__name__)
app.secret_key = "3e5a7b0c8f1d4d2a9e6b5c4f7a8d9e0b"
shop = OAuth2ConsumerBlueprint(
    "shop",
    __name__,
    client_id="shop",
    client_secret="secret",
    base_url=provider,
    token_url=f"{provider}/token",
    authorization_url=f"{provider}/authorize",
    redirect_to="me",
    scope=["profile"],
)
app.register_blueprint(shop, url_prefix="/login")
told = []


@oauth_authorized.connect_via(shop)
def note(blueprint, token):
    told.append({"by": blueprint.name, "token": token and token["access_token"]})


@app.get("/me")
def me():
    if not shop.session.authorized:
        return redirect(url_for("shop.login"))
    return {"name": shop.session.get(f"{provider}/me").json()["name"]}


@app.get("/told")
def tell():
    return told


@app.post("/logout")
def logout():
    del shop.token
    return ""


@app.post("/provider/token")
def token():
    assert request.form["code"] == "good"
    return {"access_token": "key of ada", "token_type": "bearer", "scope": "profile"}


@app.get("/provider/me")
def profile():
    return {"name": request.headers["Authorization"]}
