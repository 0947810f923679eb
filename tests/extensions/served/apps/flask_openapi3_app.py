"""A subclass of Flask whose views take pydantic's models, with an OpenAPI of them."""

from flask_openapi3 import APIBlueprint, Info, OpenAPI, Tag
from pydantic import BaseModel, Field

PACKAGE = "flask-openapi3"
SHOWS = "pydantic models of paths, queries, bodies and headers; OpenAPI"
ASK = [
    "GET /pets?least=2",
    "GET /pets?least=two",
    {"ask": "POST /pets", "json": {"name": "Rex", "age": 3}},
    {"ask": "POST /pets", "json": {"age": -1}},
    "GET /pets/3",
    "GET /pets/none",
    {"ask": "GET /secret", "headers": {"X-Key": "secret"}},
    "GET /secret",
    {"ask": "POST /form", "form": {"name": "Rex"}},
    {"ask": "GET /v2/pets"},
    "GET /openapi/openapi.json",
]

app = OpenAPI(__name__, info=Info(title="Pets", version="1.0"))
app.secret_key = "3e5a7b0c8f1d4d2a9e6b5c4f7a8d9e0b"
tag = Tag(name="pets", description="All pets")
blueprint = APIBlueprint("v2", __name__, url_prefix="/v2", abp_tags=[tag])


class Query(BaseModel):
    least: int = Field(0, description="the least age")


class Pet(BaseModel):
    name: str
    age: int = Field(1, ge=0)


class Path(BaseModel):
    number: int


class Header(BaseModel):
    key: str = Field(alias="X-Key")


class Form(BaseModel):
    name: str


@app.get("/pets", tags=[tag], summary="find pets")
def pets(query: Query):
    return {"least": query.least}


@app.post("/pets", tags=[tag], responses={201: Pet})
def add(body: Pet):
    return body.model_dump(), 201


@app.get("/pets/<int:number>")
def pet(path: Path):
    return {"number": path.number}


@app.get("/secret")
def secret(header: Header):
    return {"key": header.key}


@app.post("/form")
def form(form: Form):
    return {"name": form.name}


@blueprint.get("/pets")
def newer():
    return ["Rex"]


app.register_api(blueprint)
