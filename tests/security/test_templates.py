"""Text in a template is escaped wherever markup would be read, and attributes have clean names."""

from __future__ import annotations

from importlib.metadata import requires, version
from pathlib import Path

import pytest
from jinja2.sandbox import SandboxedEnvironment, SecurityError

from kolben import (
    Flask,
    abort,
    flash,
    render_template,
    render_template_string,
    stream_template_string,
)

EVIL = "<script>alert('1')</script>"


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    (tmp_path / "templates").mkdir()
    return Flask("templates", root_path=str(tmp_path), static_folder=None)


def render(app: Flask, name: str, source: str = "{{ value }}") -> str:
    path = Path(app.root_path) / "templates" / name
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_text(source)
    with app.app_context():
        return render_template(name, value=EVIL)


@pytest.mark.parametrize("end", ["html", "htm", "xml", "xhtml", "svg"])
@pytest.mark.parametrize("start", ["a", "a.txt", "sub/a", ".", "a b"])
def test_markup_is_escaped(app: Flask, start: str, end: str) -> None:
    text = render(app, f"{start}.{end}")
    assert "<script>" not in text
    assert "&lt;script&gt;" in text
    assert "&#39;" in text


@pytest.mark.parametrize("name", ["a.txt", "a.html.txt", "a", "a.js"])
def test_plain_text_is_left_alone(app: Flask, name: str) -> None:
    assert render(app, name) == EVIL


def test_a_string_is_escaped(app: Flask) -> None:
    with app.app_context():
        assert "<script>" not in render_template_string("{{ value }}", value=EVIL)
        assert "<script>" not in "".join(stream_template_string("{{ value }}", value=EVIL))


def test_a_string_is_escaped_however_often_it_is_rendered(app: Flask) -> None:
    with app.app_context():
        for _ in range(3):
            assert "<script>" not in render_template_string("{{ value }}", value=EVIL)
            raw = "{% autoescape false %}{{ value }}{% endautoescape %}"
            assert render_template_string(raw, value=EVIL) == EVIL


def test_a_macro_of_a_page_and_an_included_text_keep_their_own_rule(app: Flask) -> None:
    render(app, "macros.html", "{% macro m(v) %}{{ v }}{% endmacro %}")
    text = render(app, "page.txt", "{% import 'macros.html' as m %}{{ m.m(value) }}|{{ value }}")
    assert text == f"{text.partition('|')[0]}|{EVIL}"
    assert "<script>" not in text.partition("|")[0]


@pytest.mark.parametrize("name", ["a b", "a/b", "a>b", "a=b", "a\tb", "a\nb", "a\fb"])
def test_an_attribute_has_a_clean_name(app: Flask, name: str) -> None:
    with app.app_context(), pytest.raises(ValueError, match="Invalid character"):
        render_template_string("<p{{ {name: 1} | xmlattr }}>", name=name)


def test_json_in_a_page_ends_no_script(app: Flask) -> None:
    with app.app_context():
        text = render_template_string("{{ value | tojson }}", value="</script><!--'\"&")
    assert not set("<>&'") & set(text)


def test_a_flashed_message_is_escaped(app: Flask) -> None:
    app.secret_key = "a key"
    with app.test_request_context("/"):
        flash(EVIL)
        text = render_template_string("{% for m in get_flashed_messages() %}{{ m }}{% endfor %}")
    assert "<script>" not in text


@pytest.mark.parametrize("target", [f"/{EVIL}", f"/?a={EVIL}", f"/missing?{EVIL}"])
@pytest.mark.parametrize("status", [400, 404, 405, 500])
def test_an_error_page_shows_nothing_of_the_request(app: Flask, target: str, status: int) -> None:
    @app.route("/", defaults={"rest": ""})
    @app.route("/<path:rest>")
    def index(rest: str) -> str:
        abort(status)

    assert b"<script>" not in app.test_client().get(target).data


# What Jinja itself must have repaired.


def test_the_jinja_that_is_asked_for_has_the_known_holes_closed() -> None:
    assert tuple(map(int, version("jinja2").split("."))) >= (3, 1, 6)
    wanted = [text for text in requires("kolben") or () if text.lower().startswith("jinja2")]
    assert any(">=3.1.6" in text for text in wanted)


ESCAPES = [
    "{{ ''|attr('format')('{0.__class__}') }}",
    "{{ ''.format.__globals__ }}",
    "{{ ('{0.__class__.__base__}'|attr('format'))('') }}",
    "{{ [''.format]|map('attr', '__globals__')|list }}",
    "{{ ''['__class__'] }}",
    "{{ (''|attr('\\x5f\\x5fclass\\x5f\\x5f')).mro() }}",
]


@pytest.mark.parametrize("source", ESCAPES)
def test_the_sandbox_lets_nothing_out(source: str) -> None:
    try:
        text = SandboxedEnvironment().from_string(source).render()
    except (SecurityError, TypeError):
        return
    assert "class" not in text
    assert "globals" not in text
