"""Headers that protect, a policy with nonces, and a redirect to HTTPS."""

from flask import Flask, render_template_string, session
from flask_talisman import Talisman

PACKAGE = "flask-talisman"
SHOWS = "HTTPS redirects, policies with nonces, options of a view, cookies"
ASK = [
    "GET /",
    "POST /?a=1",
    {"ask": "GET /", "headers": {"X-Forwarded-Proto": "https"}},
    "GET /open",
    {"ask": "GET /framed", "headers": {"X-Forwarded-Proto": "https"}},
    {"ask": "GET /session", "headers": {"X-Forwarded-Proto": "https"}},
    {"ask": "GET /none", "headers": {"X-Forwarded-Proto": "https"}},
]
RANDOM = [r"(?<=nonce-)[\w-]+", r'(?<=nonce=")[\w-]+']

app = Flask(__name__)
app.secret_key = "3e5a7b0c8f1d4d2a9e6b5c4f7a8d9e0b"
talisman = Talisman(
    app,
    content_security_policy={"default-src": "'self'", "img-src": "*"},
    content_security_policy_nonce_in=["script-src"],
    permissions_policy={"geolocation": "()"},
    strict_transport_security_preload=True,
)


@app.route("/", methods=["GET", "POST"])
def index():
    return render_template_string('<script nonce="{{ csp_nonce() }}"></script>')


@app.get("/open")
@talisman(force_https=False)
def open_to_all():
    return "open"


@app.get("/framed")
@talisman(frame_options="ALLOW-FROM", frame_options_allow_from="https://a.example")
def framed():
    return "framed"


@app.get("/session")
def with_session():
    session["a"] = 1
    return "kept"
