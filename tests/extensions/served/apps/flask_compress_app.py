"""Answers compressed as the client asks, those that are long enough, streams too."""

from flask import Flask, Response
from flask_compress import Compress

PACKAGE = "flask-compress"
SHOWS = "gzip, Brotli, Zstandard, streams, ETags, what is left alone"
ASK = [
    {"ask": "GET /long", "headers": {"Accept-Encoding": "gzip"}},
    {"ask": "GET /long", "headers": {"Accept-Encoding": "br"}},
    {"ask": "GET /long", "headers": {"Accept-Encoding": "zstd"}},
    {"ask": "GET /long", "headers": {"Accept-Encoding": "br;q=0.5, gzip;q=0.9"}},
    {"ask": "GET /long", "headers": {"Accept-Encoding": "identity"}},
    "GET /long",
    {"ask": "HEAD /long", "headers": {"Accept-Encoding": "gzip"}},
    {"ask": "GET /short", "headers": {"Accept-Encoding": "gzip"}},
    {"ask": "GET /stream", "headers": {"Accept-Encoding": "gzip"}},
    {"ask": "GET /image", "headers": {"Accept-Encoding": "gzip"}},
    {
        "ask": "GET /tagged",
        "headers": {"Accept-Encoding": "gzip"},
        "keep": {"etag": r"etag: (.+)"},
    },
    {"ask": "GET /tagged", "headers": {"Accept-Encoding": "gzip", "If-None-Match": "{etag}"}},
]

app = Flask(__name__)
app.secret_key = "3e5a7b0c8f1d4d2a9e6b5c4f7a8d9e0b"
app.config["COMPRESS_STREAMS"] = True
Compress(app)


@app.get("/long")
def long():
    return {"pets": ["Rex"] * 500}


@app.get("/short")
def short():
    return "short"


@app.get("/stream")
def stream():
    return Response((f"line {number}\n" for number in range(500)), mimetype="text/plain")


@app.get("/image")
def image():
    return Response(b"\x89PNG" * 500, mimetype="image/png")


@app.get("/tagged")
def tagged():
    response = Response("tagged " * 200, mimetype="text/html")
    response.add_etag()
    return response
