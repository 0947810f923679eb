"""A subclass of Flask: schemas in decorators, tokens, files, its own errors and OpenAPI."""

from apiflask import APIBlueprint, APIFlask, FileSchema, HTTPTokenAuth, Schema, abort
from apiflask.fields import File, Integer, String
from apiflask.validators import Length, OneOf
from flask import make_response

PACKAGE = "apiflask"
SHOWS = "schemas, a token, uploads, errors, OpenAPI, `flask spec`"
ASK = [
    "GET /",
    {"ask": "POST /pets", "json": {"name": "Rex", "kind": "dog"}},
    {"ask": "POST /pets", "json": {"kind": "fish"}},
    {"ask": "POST /pets", "body": "{", "headers": {"Content-Type": "application/json"}},
    "GET /pets/1",
    "GET /pets/9",
    {"ask": "PATCH /pets/1", "json": {"name": "Ada"}},
    "DELETE /pets/1",
    {"ask": "DELETE /pets/1", "headers": {"Authorization": "Bearer x"}},
    {"ask": "DELETE /pets/1", "headers": {"Authorization": "Bearer good"}},
    {"ask": "POST /photos", "files": {"photo": ("rex.txt", "woof")}},
    {"ask": "POST /photos", "form": {"a": "b"}},
    "GET /photo",
    "GET /admin/",
    "PUT /",
    "GET /nothing",
    "GET /openapi.json",
    "GET /docs",
    {"run": "flask spec --output spec.json"},
]

app = APIFlask(__name__, title="Pets", version="2")
app.secret_key = "3e5a7b0c8f1d4d2a9e6b5c4f7a8d9e0b"
auth = HTTPTokenAuth()
blueprint = APIBlueprint("admin", __name__, url_prefix="/admin", tag="Admin")
kept = {}


@auth.verify_token
def verify(token):
    return {"name": "ada"} if token == "good" else None


class PetIn(Schema):
    name = String(required=True, validate=Length(1, 10))
    kind = String(load_default="dog", validate=OneOf(["dog", "cat"]))


class PetOut(Schema):
    id = Integer()
    name = String()
    kind = String()


class Photo(Schema):
    photo = File(required=True)


@app.get("/")
def index():
    return {"hello": "pets"}


@app.post("/pets")
@app.input(PetIn)
@app.output(PetOut, status_code=201)
def add(json_data):
    number = len(kept) + 1
    kept[number] = {"id": number, **json_data}
    return kept[number], 201, {"X-Count": str(number)}


@app.get("/pets/<int:number>")
@app.output(PetOut)
def find(number):
    return kept[number] if number in kept else abort(404, "no such pet", {"number": number})


@app.patch("/pets/<int:number>")
@app.input(PetIn(partial=True))
@app.output(PetOut)
def change(number, json_data):
    kept[number] |= json_data
    return kept[number]


@app.delete("/pets/<int:number>")
@app.auth_required(auth)
@app.output({}, status_code=204)
def remove(number):
    del kept[number]
    return ""


@app.post("/photos")
@app.input(Photo, location="files")
def upload(files_data):
    return {"size": len(files_data["photo"].read())}


@app.get("/photo")
@app.output(FileSchema, content_type="image/png")
def photo():
    response = make_response(b"PNG")
    response.mimetype = "image/png"
    return response


@blueprint.get("/")
def admin():
    return {"admin": True}


app.register_blueprint(blueprint)
