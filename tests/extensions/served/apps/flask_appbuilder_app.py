"""A whole application on models: login, roles, views and a REST API with tokens."""

from flask import Flask
from flask_appbuilder import AppBuilder, BaseView, ModelView, expose, has_access
from flask_appbuilder.api import ModelRestApi
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_appbuilder.utils.legacy import get_sqla_class
from sqlalchemy import Column, Integer, String

PACKAGE = "flask-appbuilder"
SHOWS = "login, a model's pages, roles, a REST API with JWT"
BEFORE = ["flask seed"]
ASK = [
    "GET /",
    "GET /petview/list/",
    "GET /login/",
    {"ask": "POST /login/", "form": {"username": "ada", "password": "wrong"}},
    {"ask": "POST /login/", "form": {"username": "ada", "password": "secret"}},
    "GET /petview/list/",
    {"ask": "POST /petview/add", "form": {"name": "Rex"}},
    "GET /petview/list/",
    "GET /petview/show/1",
    "GET /own/hello/Ada",
    "GET /api/v1/pets/",
    "GET /logout/",
    "GET /api/v1/pets/",
    {
        "ask": "POST /api/v1/security/login",
        "json": {"username": "ada", "password": "secret", "provider": "db"},
        "keep": {"token": r'"access_token": ?"([^"]+)"'},
    },
    {"ask": "GET /api/v1/pets/", "headers": {"Authorization": "Bearer {token}"}},
    {
        "ask": "POST /api/v1/pets/",
        "json": {"name": "Fido"},
        "headers": {"Authorization": "Bearer {token}"},
    },
    {
        "ask": "POST /api/v1/pets/",
        "json": {"name": 7},
        "headers": {"Authorization": "Bearer {token}"},
    },
    {"ask": "GET /api/v1/pets/2", "headers": {"Authorization": "Bearer {token}"}},
    {"ask": "GET /api/v1/_openapi", "headers": {"Authorization": "Bearer {token}"}},
]
RANDOM = [r"(?<=last-modified: ).*", r"(?<=etag: ).*"]

app = Flask(__name__)
app.secret_key = "3e5a7b0c8f1d4d2a9e6b5c4f7a8d9e0b"
app.config.update(
    SQLALCHEMY_DATABASE_URI="sqlite:///pets.db", FAB_API_SWAGGER_UI=True, APP_NAME="Pets"
)
SQLA = get_sqla_class()
db = SQLA(app)


class Pet(db.Model):
    id = Column(Integer, primary_key=True)
    name = Column(String(50), nullable=False)


class PetView(ModelView):
    datamodel = SQLAInterface(Pet)
    list_columns = ["name"]


class PetApi(ModelRestApi):
    resource_name = "pets"
    datamodel = SQLAInterface(Pet)


class Own(BaseView):
    route_base = "/own"

    @expose("/hello/<name>")
    @has_access
    def hello(self, name):
        return f"hello {name}"


with app.app_context():
    appbuilder = AppBuilder(app, db.session)
    db.create_all()
    appbuilder.add_view(PetView, "Pets", category="All")
    appbuilder.add_view_no_menu(Own)
    appbuilder.add_api(PetApi)


@app.cli.command()
def seed():
    """Make a user."""
    security = appbuilder.sm
    admin = security.find_role("Admin")
    security.add_user("ada", "Ada", "L", "ada@example.com", admin, password="secret")
