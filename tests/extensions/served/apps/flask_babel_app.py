"""Texts, dates and numbers in the language that the client asks for, with compiled translations."""

import pathlib
from datetime import UTC, date, datetime
from io import BytesIO

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from flask import Flask, render_template_string, request
from flask_babel import (
    Babel,
    force_locale,
    format_currency,
    format_date,
    format_datetime,
    format_decimal,
    get_locale,
    gettext,
    lazy_gettext,
    ngettext,
)

PACKAGE = "flask-babel"
SHOWS = "gettext, plurals, dates, currencies, time zones by request"
ASK = [
    "GET /",
    {"ask": "GET /", "headers": {"Accept-Language": "de-DE,de;q=0.9"}},
    {"ask": "GET /", "headers": {"Accept-Language": "fr"}},
    {"ask": "GET /?zone=Asia/Tokyo", "headers": {"Accept-Language": "de"}},
    {"ask": "GET /template", "headers": {"Accept-Language": "de"}},
    {"ask": "GET /forced", "headers": {"Accept-Language": "fr"}},
]


def write_translations():
    catalog = Catalog(locale="de")
    catalog.add("Hello", "Hallo")
    catalog.add("later", "später")
    catalog.add(("%(num)s pet", "%(num)s pets"), ("%(num)s Tier", "%(num)s Tiere"))
    folder = pathlib.Path("translations/de/LC_MESSAGES")
    folder.mkdir(parents=True, exist_ok=True)
    file = BytesIO()
    write_mo(file, catalog)
    (folder / "messages.mo").write_bytes(file.getvalue())


write_translations()
app = Flask(__name__)
app.secret_key = "3e5a7b0c8f1d4d2a9e6b5c4f7a8d9e0b"
babel = Babel(
    app,
    locale_selector=lambda: request.accept_languages.best_match(["en", "de", "fr"]),
    timezone_selector=lambda: request.args.get("zone"),
)
LATER = lazy_gettext("later")


@app.get("/")
def index():
    return {
        "locale": str(get_locale()),
        "text": [gettext("Hello"), str(LATER), ngettext("%(num)s pet", "%(num)s pets", 3)],
        "date": format_date(date(2024, 2, 29), "full"),
        "time": format_datetime(datetime(2024, 2, 29, 23, 30, tzinfo=UTC)),
        "numbers": [format_decimal(1234567.89), format_currency(9.5, "EUR")],
    }


@app.get("/template")
def template():
    return render_template_string(
        "{{ _('Hello') }} {% trans num=1 %}{{ num }} pet{% pluralize %}{{ num }} pets{% endtrans %}"
        " {{ 0.25|percentformat }} {{ later }}",
        later=LATER,
    )


@app.get("/forced")
def forced():
    with force_locale("de"):
        inside = gettext("Hello")
    return {"inside": inside, "outside": str(get_locale())}
