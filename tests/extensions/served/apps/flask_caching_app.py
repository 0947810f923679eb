"""Views, functions and fragments kept in Redis, and forgotten again."""

import os

from flask import Flask, render_template_string
from flask_caching import Cache

PACKAGE = "flask-caching"
SHOWS = "views, functions and fragments in Redis"
ASK = [
    {"ask": "GET /view", "times": 2},
    {"ask": "GET /view?a=1&b=2", "times": 2},
    "GET /view?b=2&a=1",
    {"ask": "GET /function/3", "times": 2},
    "GET /function/4",
    "POST /forget/3",
    "GET /function/3",
    "GET /function/4",
    {"ask": "GET /fragment", "times": 2},
    "POST /value",
    "GET /value",
    "POST /clear",
    "GET /view",
    "GET /value",
]

app = Flask(__name__)
app.secret_key = "3e5a7b0c8f1d4d2a9e6b5c4f7a8d9e0b"
app.config.update(
    CACHE_TYPE="RedisCache",
    CACHE_REDIS_URL="redis://127.0.0.1:6379/0",
    CACHE_KEY_PREFIX=os.environ["MATRIX_PREFIX"],
)
cache = Cache(app)
counts = {}


def count(name):
    counts[name] = counts.get(name, 0) + 1
    return counts[name]


@app.get("/view")
@cache.cached(timeout=60, query_string=True)
def view():
    return {"called": count("view")}


@cache.memoize(60)
def square(number):
    return {"square": number * number, "called": count(f"square {number}")}


@app.get("/function/<int:number>")
def function(number):
    return square(number)


@app.post("/forget/<int:number>")
def forget(number):
    cache.delete_memoized(square, number)
    return ""


@app.get("/fragment")
def fragment():
    return render_template_string(
        "{% cache 60, 'part' %}{{ count('part') }}{% endcache %} {{ count('whole') }}", count=count
    )


@app.post("/value")
def keep():
    return {"kept": cache.set("value", {"a": (1, 2)})}


@app.get("/value")
def value():
    return {"value": cache.get("value")}


@app.post("/clear")
def clear():
    return {"cleared": cache.clear()}
