"""A form with a token against forgery, validators and a file; and the token for scripts."""

from flask import Flask, render_template_string
from flask_wtf import CSRFProtect, FlaskForm
from flask_wtf.csrf import CSRFError, generate_csrf
from flask_wtf.file import FileAllowed, FileField
from wtforms import EmailField, IntegerField, StringField
from wtforms.validators import DataRequired, Email, NumberRange

PACKAGE = "flask-wtf"
SHOWS = "a form with CSRF token, validators, an upload; CSRFProtect"
ASK = [
    {"ask": "GET /form", "keep": {"token": r'name="csrf_token" type="hidden" value="([^"]+)"'}},
    {"ask": "POST /form", "form": {"name": "Rex"}},
    {"ask": "POST /form", "form": {"name": "", "csrf_token": "{token}"}},
    {
        "ask": "POST /form",
        "form": {"name": "Rex", "age": "3", "email": "rex@example.com", "csrf_token": "{token}"},
    },
    {
        "ask": "POST /form",
        "form": {"name": "Rex", "age": "300", "email": "rex", "csrf_token": "{token}"},
        "files": {"photo": ("rex.exe", "MZ")},
    },
    {
        "ask": "POST /form",
        "form": {"name": "Rex", "age": "3", "email": "rex@example.com", "csrf_token": "{token}"},
        "files": {"photo": ("rex.txt", "woof")},
    },
    {"ask": "POST /api", "json": {"a": 1}},
    {"ask": "GET /token", "keep": {"token": r"token=(\S+)"}},
    {"ask": "POST /api", "json": {"a": 1}, "headers": {"X-CSRFToken": "{token}"}},
    {"ask": "POST /api", "json": {"a": 1}, "headers": {"X-CSRFToken": "{token}x"}},
    {"ask": "POST /free", "json": {}},
]

app = Flask(__name__)
app.secret_key = "3e5a7b0c8f1d4d2a9e6b5c4f7a8d9e0b"
protect = CSRFProtect(app)


class PetForm(FlaskForm):
    name = StringField(validators=[DataRequired()])
    age = IntegerField(validators=[NumberRange(0, 40)])
    email = EmailField(validators=[DataRequired(), Email()])
    photo = FileField(validators=[FileAllowed(["txt"], "only text")])


@app.route("/form", methods=["GET", "POST"])
def form():
    form = PetForm()
    if form.validate_on_submit():
        photo = form.photo.data
        return {"name": form.name.data, "photo": photo.read().decode() if photo else None}
    return render_template_string(
        "{{ form.hidden_tag() }}{% for field in form %}{{ field }}{{ field.errors }}{% endfor %}",
        form=form,
    )


@app.get("/token")
def token():
    return f"token={generate_csrf()}"


@app.post("/api")
def api():
    return {"done": True}


@app.post("/free")
@protect.exempt
def free():
    return "free"


@app.errorhandler(CSRFError)
def refuse(error):
    return {"refused": error.description}, 400
