"""A REST API by schemas: validation, pages, ETags that refuse, OpenAPI."""

from flask import Flask
from flask.views import MethodView
from flask_smorest import Api, Blueprint, abort
from marshmallow import Schema, fields, validate

PACKAGE = "flask-smorest"
SHOWS = "schemas, pages, ETags, errors, OpenAPI"
ASK = [
    {"ask": "POST /pets/", "json": {"name": "Rex"}, "keep": {"etag": r"etag: (.+)"}},
    {"ask": "POST /pets/", "json": {"name": ""}},
    {"ask": "POST /pets/", "json": {"name": "Fido", "age": "old", "more": 1}},
    {"ask": "POST /pets/", "json": {"name": "Fido"}},
    "GET /pets/?page_size=1",
    "GET /pets/?page_size=1&page=9",
    "GET /pets/?name=Fido",
    "GET /pets/1",
    {"ask": "GET /pets/1", "headers": {"If-None-Match": "{etag}"}},
    {"ask": "PUT /pets/1", "json": {"name": "Ada"}},
    {"ask": "PUT /pets/1", "json": {"name": "Ada"}, "headers": {"If-Match": '"other"'}},
    {"ask": "PUT /pets/1", "json": {"name": "Ada"}, "headers": {"If-Match": "{etag}"}},
    {"ask": "DELETE /pets/1", "headers": {"If-Match": "{etag}"}},
    "GET /pets/9",
    "GET /nothing",
    "GET /openapi.json",
    "GET /docs",
]

app = Flask(__name__)
app.secret_key = "3e5a7b0c8f1d4d2a9e6b5c4f7a8d9e0b"
app.config.update(
    API_TITLE="Pets",
    API_VERSION="v1",
    OPENAPI_VERSION="3.0.2",
    OPENAPI_URL_PREFIX="/",
    OPENAPI_SWAGGER_UI_PATH="/docs",
    OPENAPI_SWAGGER_UI_URL="https://cdn.example/swagger/",
)
api = Api(app)
blueprint = Blueprint("pets", __name__, url_prefix="/pets", description="All pets")
kept = {}


class PetSchema(Schema):
    id = fields.Int(dump_only=True)
    name = fields.String(required=True, validate=validate.Length(1))
    age = fields.Int(load_default=1)


class QuerySchema(Schema):
    name = fields.String()


@blueprint.route("/")
class Pets(MethodView):
    @blueprint.arguments(QuerySchema, location="query")
    @blueprint.response(200, PetSchema(many=True))
    @blueprint.paginate()
    def get(self, query, pagination_parameters):
        found = [pet for pet in kept.values() if query.items() <= pet.items()]
        pagination_parameters.item_count = len(found)
        first = pagination_parameters.first_item
        return found[first : pagination_parameters.last_item + 1]

    @blueprint.arguments(PetSchema)
    @blueprint.response(201, PetSchema)
    @blueprint.etag
    def post(self, new):
        number = len(kept) + 1
        kept[number] = {"id": number, **new}
        return kept[number]


@blueprint.route("/<int:number>")
class Pet(MethodView):
    @blueprint.response(200, PetSchema)
    @blueprint.alt_response(404, description="not found")
    @blueprint.etag
    def get(self, number):
        if number not in kept:
            abort(404, message="no such pet")
        return kept[number]

    @blueprint.arguments(PetSchema)
    @blueprint.response(200, PetSchema)
    @blueprint.etag
    def put(self, change, number):
        blueprint.check_etag(kept[number], PetSchema)
        kept[number] |= change
        return kept[number]

    @blueprint.response(204)
    @blueprint.etag
    def delete(self, number):
        blueprint.check_etag(kept[number], PetSchema)
        del kept[number]


api.register_blueprint(blueprint)
