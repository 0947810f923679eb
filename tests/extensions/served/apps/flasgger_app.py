"""Swagger out of docstrings and files, with validation of what comes in."""

import pathlib

from flasgger import Swagger, swag_from, validate
from flask import Flask, jsonify, request

PACKAGE = "flasgger"
SHOWS = "Swagger of docstrings and files, its pages, validation"
ASK = [
    "GET /pets/dog",
    "GET /apispec_1.json",
    "GET /apidocs/",
    "GET /flasgger_static/swagger-ui.css",
    {"ask": "POST /pets", "json": {"name": "Rex"}},
    {"ask": "POST /pets", "json": {"name": 7}},
]
RANDOM = [r"(?<=last-modified: ).*", r"(?<=etag: ).*"]

pathlib.Path("add.yml").write_text(
    """Add a pet
---
parameters:
  - {name: body, in: body, schema: {id: Pet, required: [name], properties: {name: {type: string}}}}
responses: {200: {description: it is added}}
"""
)
app = Flask(__name__)
app.secret_key = "3e5a7b0c8f1d4d2a9e6b5c4f7a8d9e0b"
app.config["SWAGGER"] = {"title": "Pets", "uiversion": 3}
swagger = Swagger(app)


@app.get("/pets/<kind>")
def pets(kind):
    """Find pets of a kind.
    ---
    parameters:
      - {name: kind, in: path, type: string, required: true}
    responses:
      200: {description: names of pets}
    """
    return jsonify({"kind": kind, "names": ["Rex"]})


@app.post("/pets")
@swag_from("add.yml")
def add():
    validate(request.json, "Pet", "add.yml")
    return jsonify(request.json)
