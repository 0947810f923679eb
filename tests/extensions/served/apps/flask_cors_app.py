"""Requests from other origins, with and without being asked for first."""

from flask import Blueprint, Flask
from flask_cors import CORS, cross_origin

PACKAGE = "flask-cors"
SHOWS = "preflights, credentials, origins by pattern, a single view, errors"
ASK = [
    {"ask": "GET /api/pets", "headers": {"Origin": "https://shop.example"}},
    {"ask": "GET /api/pets", "headers": {"Origin": "https://eve.example"}},
    "GET /api/pets",
    {
        "ask": "OPTIONS /api/pets",
        "headers": {
            "Origin": "https://shop.example",
            "Access-Control-Request-Method": "PUT",
            "Access-Control-Request-Headers": "X-Key, Content-Type",
        },
    },
    {"ask": "GET /api/none", "headers": {"Origin": "https://shop.example"}},
    {"ask": "GET /api/broken", "headers": {"Origin": "https://shop.example"}},
    {"ask": "GET /open", "headers": {"Origin": "https://any.example"}},
    {"ask": "OPTIONS /open", "headers": {"Origin": "https://any.example"}},
    {"ask": "GET /closed", "headers": {"Origin": "https://shop.example"}},
    {"ask": "GET /blue/", "headers": {"Origin": "https://blue.example"}},
]

app = Flask(__name__)
app.secret_key = "3e5a7b0c8f1d4d2a9e6b5c4f7a8d9e0b"
CORS(
    app,
    resources={
        r"/api/*": {
            "origins": ["https://shop.example", r"https://.*\.shop\.example"],
            "supports_credentials": True,
            "expose_headers": ["X-Total"],
            "max_age": 600,
        }
    },
)
blue = Blueprint("blue", __name__, url_prefix="/blue")
CORS(blue, origins="https://blue.example")


@app.route("/api/pets", methods=["GET", "PUT"])
def pets():
    return ["Rex"], {"X-Total": "1"}


@app.get("/api/broken")
def broken():
    raise RuntimeError("broken")


@app.get("/open")
@cross_origin()
def open_to_all():
    return "open"


@app.get("/closed")
def closed():
    return "closed"


@blue.get("/")
def index():
    return "blue"


app.register_blueprint(blue)
