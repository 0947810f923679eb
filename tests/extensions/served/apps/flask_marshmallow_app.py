"""Schemas of models, with links to views; what comes in is loaded into a model."""

from flask import Flask, jsonify, request
from flask_marshmallow import Marshmallow
from flask_sqlalchemy import SQLAlchemy
from marshmallow import ValidationError

PACKAGE = "flask-marshmallow"
SHOWS = "schemas of models, links, loading with errors"
BEFORE = ["flask seed"]
ASK = [
    {"ask": "POST /pets", "json": {"name": "Rex", "age": 3}},
    {"ask": "POST /pets", "json": {"age": "old", "more": 1}},
    "GET /pets",
    "GET /pets/1",
    "GET /plain",
]

app = Flask(__name__)
app.secret_key = "3e5a7b0c8f1d4d2a9e6b5c4f7a8d9e0b"
app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite:///pets.db"
db = SQLAlchemy(app)
ma = Marshmallow(app)


class Pet(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String(80), nullable=False)
    age = db.Column(db.Integer)


class PetSchema(ma.SQLAlchemyAutoSchema):
    class Meta:
        model = Pet
        load_instance = True

    links = ma.Hyperlinks(
        {"self": ma.URLFor("pet", values={"number": "<id>"}), "all": ma.AbsoluteURLFor("pets")}
    )


class Plain(ma.Schema):
    name = ma.String()
    at = ma.AbsoluteUrlFor("pets", values={"kind": "<kind>"})


schema = PetSchema()


@app.cli.command()
def seed():
    """Make the tables."""
    db.create_all()


@app.post("/pets")
def add():
    try:
        pet = schema.load(request.json)
    except ValidationError as error:
        return jsonify(error.messages), 422
    db.session.add(pet)
    db.session.commit()
    return schema.jsonify(pet), 201


@app.get("/pets")
def pets():
    return schema.jsonify(db.session.scalars(db.select(Pet)).all(), many=True)


@app.get("/pets/<int:number>")
def pet(number):
    return schema.dump(db.get_or_404(Pet, number))


@app.get("/plain")
def plain():
    return Plain().dump({"name": "Rex", "kind": "dog"})
