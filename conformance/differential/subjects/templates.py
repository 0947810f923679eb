"""Templates: escaping, what stands in them by itself, filters, tests, globals, macros, errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jinja2
from flask import (
    Blueprint,
    Flask,
    flash,
    g,
    get_template_attribute,
    json,
    render_template,
    render_template_string,
    request,
    session,
    stream_template,
    stream_template_string,
)
from markupsafe import Markup

from conformance.differential.ask import Ask, ask
from conformance.differential.place import TEMPLATES

app = Flask("templates", template_folder=str(TEMPLATES), static_folder=None)
app.secret_key = "the newest key"
own = Flask("own", template_folder=str(TEMPLATES), static_folder=None)
escaping = Blueprint("escaping", __name__, url_prefix="/escaping")
text = render_template_string

SPECIAL = "<b>&\"'</b>"

#: What a view renders, by name.
RENDER: dict[str, Callable[[], Any]] = {
    "file": lambda: render_template("hello.html", name="<World>"),
    "file-missing": lambda: render_template("missing.html"),
    "file-list": lambda: render_template(["missing.html", "hello.html"], name="list"),
    "file-list-missing": lambda: render_template(["missing.html", "also.html"]),
    "file-object": lambda: render_template(app.jinja_env.get_template("hello.html"), name="object"),
    "file-folder": lambda: render_template("admin/index.html"),
    "file-up": lambda: render_template("../static/a.txt"),
    "file-lines": lambda: render_template("lines.html", name="x"),
    "inherit": lambda: render_template("site/child.html", name="<N>"),
    "globals": lambda: render_template("globals.html"),
    "globals-shadowed": lambda: render_template("globals.html", request={"path": "mine"}, g={"who": "me"}),
    "macro-caller": lambda: render_template("macros/caller.html"),
    "macro": lambda: get_template_attribute("macros/greet.html", "greet")("<M>", mark="?"),
    "macro-uses": lambda: get_template_attribute("macros/greet.html", "uses")(),
    "attribute": lambda: str(get_template_attribute("macros/greet.html", "answer")),
    "attribute-missing": lambda: get_template_attribute("macros/greet.html", "nothing"),
    "error-zero": lambda: render_template("errors/zero.html"),
    "error-syntax": lambda: render_template("errors/syntax.html"),
    "error-undefined": lambda: render_template("errors/undefined.html"),
    "error-silent": lambda: render_template("errors/silent.html"),
    "error-include": lambda: render_template("errors/include.html"),
    "string": lambda: text("{{ x }}", x=SPECIAL),
    "string-newline": lambda: text("a\n{{ x }}\n\n", x=1),
    "string-safe": lambda: text("{{ x|safe }} {{ y }}", x=SPECIAL, y=Markup(SPECIAL)),
    "string-autoescape-off": lambda: text("{% autoescape false %}{{ x }}{% endautoescape %}", x=SPECIAL),
    "string-globals": lambda: text("{{ request.method }} {{ request.args.q }} {{ session }} {{ g.who }}"),
    "string-config": lambda: text("{{ config['SECRET_KEY'] }} {{ config.get('NOPE', 'none') }}"),
    "string-url": lambda: text("{{ url_for('index') }} {{ url_for('render', name='x', _anchor='a') }}"),
    "string-url-missing": lambda: text("{{ url_for('nothing') }}"),
    "string-flash": lambda: [flash("<m>"), text("{{ get_flashed_messages() }}")][1],
    "string-session": lambda: [session.update(n=1), text("{{ session.n }} {{ session['n'] + 1 }}")][1],
    "string-syntax": lambda: text("{% for %}"),
    "string-extends": lambda: text("{% extends 'site/layout.html' %}{% block body %}x{% endblock %}"),
    "string-loopcontrols": lambda: text("{% do [].append(1) %}"),
    "tojson": lambda: text("<script>{{ x|tojson }}</script>", x={"a": "</script>'&", "b": [1, None], "\u00e9": 2}),
    "tojson-attribute": lambda: text("<a x='{{ x|tojson }}'>", x="it's \"q\" <b>"),
    "tojson-indent": lambda: text("{{ x|tojson(indent=2) }}", x={"b": 1, "a": 2}),
    "tojson-date": lambda: text("{{ x|tojson }}", x=[Markup("<b>"), 1.5]),
    "tojson-bad": lambda: text("{{ x|tojson }}", x=object()),
    "filters": lambda: text("{{ 'abc'|reverse_it }} {{ 'x'|named }} {{ 'y'|added }} {{ 5|doubled }}"),
    "filter-unknown": lambda: text("{{ 'abc'|nope }}"),
    "filter-blueprint": lambda: text("{{ 'x'|from_blueprint }}"),
    "tests": lambda: text("{{ 4 is even_enough }} {{ 3 is even_enough }} {{ 2 is named_test }} {{ 1 is added_test }}"),
    "test-blueprint": lambda: text("{{ 1 is from_blueprint }}"),
    "global-functions": lambda: text("{{ double(4) }} {{ named_global() }} {{ added_global }} {{ from_blueprint() }}"),
    "processors": lambda: text("{{ by_app }} {{ both }} {{ by_blueprint }} {{ by_app_of_blueprint }}"),
    "processor-overridden": lambda: text("{{ by_app }} {{ both }}", by_app="mine"),
    "processor-in-macro": lambda: text("{% macro m() %}{{ by_app }}{% endmacro %}{{ m() }}"),
    "undefined": lambda: text("[{{ nothing }}] [{{ nothing is defined }}] [{{ nothing|default('d') }}]"),
    "undefined-attribute": lambda: text("{{ nothing.x }}"),
    "loop": lambda: text("{% for x in items %}{{ loop.index }}:{{ x }}{{ ',' if not loop.last }}{% else %}none{% endfor %}", items=[1, "<"]),
    "whitespace": lambda: text("  {% if true %}\n    yes\n  {% endif %}\n  end"),
    "comment": lambda: text("a{# comment #}b"),
    "raw": lambda: text("{% raw %}{{ x }}{% endraw %}"),
    "call": lambda: text("{% macro m() %}[{{ caller() }}]{% endmacro %}{% call m() %}<in>{% endcall %}"),
    "namespace": lambda: text("{% set ns = namespace(n=0) %}{% for i in [1,2] %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }}"),
    "unicode": lambda: text("\u00fc {{ x }} \u20ac", x="\u65e5"),
    "lone-surrogate": lambda: text("{{ x }}", x="\ud800"),
    "type": lambda: type(text("x")).__name__,
    "from-env": lambda: app.jinja_env.from_string("{{ x }} {{ request.path }}").render(x=SPECIAL),
    "env": lambda: json.dumps([
        app.jinja_env.autoescape is app.select_jinja_autoescape,
        [app.select_jinja_autoescape(n) for n in ("a.html", "a.txt", "a.svg", "a.HTML", "a", "a.xml", None)],
        app.jinja_env.trim_blocks,
        sorted(k for k in app.jinja_env.globals if k in ("url_for", "g", "request", "session", "config", "get_flashed_messages")),
        app.jinja_env.policies["json.dumps_function"].__name__,
        isinstance(app.jinja_env, jinja2.Environment),
        app.jinja_options,
    ]),
    "update-context": lambda: _updated(),
    "list-templates": lambda: json.dumps(app.jinja_env.list_templates(extensions=["xml", "svg"])),
    "stream": lambda: stream_template("stream.html", numbers=range(3)),
    "stream-missing": lambda: stream_template("missing.html"),
    "stream-string": lambda: stream_template_string("{% for n in x %}{{ n }}<{{ request.path }}>{% endfor %}", x=[1, 2]),
    "stream-error": lambda: stream_template_string("before {{ 1 // 0 }} after"),
}  # fmt: skip


def _updated() -> str:
    context: dict[str, Any] = {"both": "kept"}
    app.update_template_context(context)
    return json.dumps([*sorted(context), context["both"]])


@app.before_request
def who() -> None:
    g.who = "<somebody>"


@app.route("/")
def index() -> str:
    return "index"


def render(name: str) -> Any:
    return RENDER[name]()


def escape(extension: str) -> str:
    return render_template(f"escape.{extension}", text=SPECIAL, markup=Markup("<i>"))


app.add_url_rule("/render/<name>", "render", render)
app.add_url_rule("/escape/<extension>", "escape", escape)
escaping.add_url_rule("/render/<name>", "render", render)
own.add_url_rule("/render/<name>", "render", render)


@app.template_filter()
def reverse_it(value: str) -> str:
    return value[::-1]


@app.template_filter("named")
def some_filter(value: str) -> str:
    return f"named {value}"


app.add_template_filter(lambda value: f"added {value}", "added")
app.jinja_env.filters["doubled"] = lambda value: value * 2


@app.template_test()
def even_enough(value: int) -> bool:
    return value % 2 == 0


@app.template_test("named_test")
def some_test(value: int) -> bool:
    return value == 2


app.add_template_test(lambda value: value == 0, "added_test")


@app.template_global()
def double(value: int) -> int:
    return value * 2


@app.template_global("named_global")
def some_global() -> str:
    return "<named>"


app.add_template_global("added as it is", "added_global")


@app.context_processor
def first_processor() -> dict[str, str]:
    return {"by_app": f"app {request.path}", "both": "first"}


@app.context_processor
def second_processor() -> dict[str, str]:
    return {"both": "second"}


@escaping.context_processor
def blueprint_processor() -> dict[str, str]:
    return {"by_blueprint": "blueprint", "both": "blueprint"}


@escaping.app_context_processor
def blueprint_app_processor() -> dict[str, str]:
    return {"by_app_of_blueprint": "app by blueprint"}


escaping.add_app_template_filter(lambda value: f"blueprint {value}", "from_blueprint")
escaping.add_app_template_test(lambda value: value == 1, "from_blueprint")
escaping.add_app_template_global(lambda: "blueprint global", "from_blueprint")
app.register_blueprint(escaping)


own.jinja_options = {
    "variable_start_string": "<<",
    "variable_end_string": ">>",
    "undefined": jinja2.StrictUndefined,
}
own.jinja_env.globals["own_global"] = "own"


@own.route("/own/<name>")
def own_render(name: str) -> str:
    return {
        "delimiters": lambda: text("<< x >> {{ x }}", x=SPECIAL),
        "strict": lambda: text("<< missing >>"),
        "global": lambda: text("<< own_global >>"),
    }[name]()


def without_request() -> str:
    with own.app_context():
        rendered = text("<< 1 + 1 >>")
    with app.app_context():
        g.who = "app context"
        return rendered + text("{{ g.who }} {{ request is defined }} {{ both|default('no both') }}")


@own.route("/without")
def outside() -> str:
    try:
        return without_request()
    except Exception as error:  # noqa: BLE001  its type is the answer
        return type(error).__name__


APPS = {"main": app, "own": own}

REQUESTS: list[Ask] = [
    *(ask(name, f"/render/{name}?q=<q>") for name in RENDER),
    *(ask(f"blueprint {name}", f"/escaping/render/{name}") for name in ("processors", "globals", "macro-caller", "stream")),
    *(ask(f"escape {e}", f"/escape/{e}") for e in ("html", "htm", "xml", "xhtml", "svg", "txt", "js", "HTML", "jinja")),
    *(ask(f"own {name}", f"/own/{name}", app="own") for name in ("delimiters", "strict", "global")),
    ask("own string", "/render/string", app="own"),
    ask("without request", "/without", app="own"),
    ask("head", "/render/file", "HEAD"),
    ask("head stream", "/render/stream", "HEAD"),
]  # fmt: skip
