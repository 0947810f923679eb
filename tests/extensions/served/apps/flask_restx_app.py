"""A documented API: models that check what comes in and shape what goes out, errors, a parser."""

from flask import Flask
from flask_restx import Api, Resource, fields, reqparse

PACKAGE = "flask-restx"
SHOWS = "resources, models, a parser, errors, Swagger"
ASK = [
    "GET /pets/",
    {"ask": "POST /pets/", "json": {"name": "Rex", "age": 3}},
    {"ask": "POST /pets/", "json": {"age": "old"}},
    {"ask": "POST /pets/", "body": "no JSON", "headers": {"Content-Type": "application/json"}},
    "GET /pets/?least=2",
    "GET /pets/?least=two",
    "GET /pets/0",
    {"ask": "GET /pets/0", "headers": {"X-Fields": "name"}},
    "GET /pets/7",
    "DELETE /pets/0",
    "PUT /pets/0",
    "GET /pets/broken",
    "GET /nothing",
    "GET /swagger.json",
    "GET /",
]

app = Flask(__name__)
app.secret_key = "3e5a7b0c8f1d4d2a9e6b5c4f7a8d9e0b"
api = Api(app, version="2.0", title="Pets", description="Pets for sale")
space = api.namespace("pets", description="All pets")
model = space.model(
    "Pet",
    {
        "name": fields.String(required=True, description="its name"),
        "age": fields.Integer(min=0, default=1),
        "uri": fields.Url("pets_pet", absolute=True),
    },
)
parser = reqparse.RequestParser()
parser.add_argument("least", type=int, default=0, location="args", help="not a number")
kept = []


class OutOfStock(Exception):
    pass


@api.errorhandler(OutOfStock)
def tell(error):
    return {"message": f"out of stock: {error}"}, 410


@space.route("/")
class Pets(Resource):
    @space.expect(parser)
    @space.marshal_list_with(model)
    def get(self):
        least = parser.parse_args()["least"]
        return [pet for pet in kept if pet["age"] >= least]

    @space.expect(model, validate=True)
    @space.marshal_with(model, code=201)
    def post(self):
        kept.append({"number": len(kept), "age": 1, **api.payload})
        return kept[-1], 201, {"X-Count": str(len(kept))}


@space.route("/<int:number>")
@space.response(404, "not found")
class Pet(Resource):
    @space.marshal_with(model)
    def get(self, number):
        if number >= len(kept):
            api.abort(404, f"no pet {number}", number=number)
        return kept[number]

    def delete(self, number):
        raise OutOfStock(number)


@space.route("/broken")
class Broken(Resource):
    def get(self):
        raise RuntimeError("broken")
