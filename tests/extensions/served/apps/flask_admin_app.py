"""An admin with a view of a model: its list, a new row, a change, a search, a deletion."""

from flask import Flask
from flask_admin import Admin, BaseView, expose
from flask_admin.contrib.sqla import ModelView
from flask_babel import Babel
from flask_sqlalchemy import SQLAlchemy

PACKAGE = "flask-admin"
SHOWS = "a model's list, search, new, edit, delete, export; a view of one's own"
BEFORE = ["flask seed"]
ASK = [
    "GET /admin/",
    "GET /admin/pet/",
    "GET /admin/pet/new/",
    {"ask": "POST /admin/pet/new/", "form": {"name": "Rex", "age": "3"}},
    {"ask": "POST /admin/pet/new/", "form": {"name": "Fido", "age": "4"}},
    {"ask": "POST /admin/pet/new/", "form": {"name": "Odd", "age": "old"}},
    "GET /admin/pet/",
    "GET /admin/pet/?search=Fi",
    "GET /admin/pet/?sort=1&desc=1",
    "GET /admin/pet/details/?id=1",
    {"ask": "POST /admin/pet/edit/?id=1", "form": {"name": "Ada", "age": "5"}},
    "GET /admin/pet/export/csv/",
    {"ask": "POST /admin/pet/delete/", "form": {"id": "2"}},
    "GET /admin/pet/",
    "GET /admin/own/",
    "GET /admin/static/admin/css/bootstrap4/admin.css?v=1.1.1",
    "GET /admin/none/",
]
RANDOM = [r"Pet_\d{4}-\d\d-\d\d_[\d-]+", r"(?<=last-modified: ).*", r"(?<=etag: ).*"]

app = Flask(__name__)
app.secret_key = "3e5a7b0c8f1d4d2a9e6b5c4f7a8d9e0b"
app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite:///pets.db"
Babel(app)  # flask-admin uses it where it is installed
db = SQLAlchemy(app)


class Pet(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String(80))
    age = db.Column(db.Integer)


class PetView(ModelView):
    column_searchable_list = ["name"]
    can_view_details = True
    can_export = True


class Own(BaseView):
    @expose("/")
    def index(self):
        return self.render("admin/master.html")


admin = Admin(app, name="Pets")
admin.add_view(PetView(Pet, db))
admin.add_view(Own(name="Own", endpoint="own"))


@app.cli.command()
def seed():
    """Make the tables."""
    db.create_all()
