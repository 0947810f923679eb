"""Bundles of files, made when they are first asked for, with links that change with them."""

import pathlib

from flask import Flask, render_template_string
from flask_assets import Bundle, Environment

PACKAGE = "flask-assets"
SHOWS = "bundles made on demand, their links, `flask assets build`"
ASK = [
    {"ask": "GET /", "keep": {"css": r'href="([^"]+)"'}},
    "GET {css}",
    "GET /static/made.js",
    {"run": "flask assets check"},
    {"run": "flask assets build"},
    "GET /static/made.js",
    "GET /static/none.css",
]
RANDOM = [r"(?<=last-modified: ).*", r"(?<=etag: ).*"]

static = pathlib.Path("static")
static.mkdir(exist_ok=True)
static.joinpath("one.css").write_text("a { background: url(img/a.png) }\n")
static.joinpath("two.css").write_text("b { color: red }\n")
static.joinpath("one.js").write_text("alert(1);\n")
app = Flask(__name__)
app.secret_key = "3e5a7b0c8f1d4d2a9e6b5c4f7a8d9e0b"
assets = Environment(app)
assets.register(
    "css", Bundle("one.css", "two.css", filters="cssrewrite", output="made.%(version)s.css")
)
assets.register("js", Bundle("one.js", output="made.js"))


@app.get("/")
def index():
    return render_template_string(
        "{% assets 'css' %}<link href=\"{{ ASSET_URL }}\">{% endassets %}"
        "{% assets 'js' %}<script src='{{ ASSET_URL.partition('?')[0] }}'></script>{% endassets %}"
    )
