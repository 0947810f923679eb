"""Models in two databases, made by a factory; rows are added, paged, changed and missed."""

from flask import Flask, request
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import Mapped, mapped_column

PACKAGE = "flask-sqlalchemy"
SHOWS = "models, two binds, pages, 404"
BEFORE = ["flask seed"]
ASK = [
    {"ask": "POST /pets", "json": {"name": "Rex"}},
    {"ask": "POST /pets", "json": {"name": "Fido"}},
    {"ask": "POST /pets", "json": {"name": "Rex"}},
    "GET /pets",
    "GET /pets?page=2",
    "GET /pets?page=9",
    "GET /pets/2",
    "GET /pets/7",
    {"ask": "PATCH /pets/2", "json": {"name": "Ada"}},
    "GET /pets/2",
    "DELETE /pets/2",
    "GET /pets",
    "GET /visits",
]

db = SQLAlchemy()


class Pet(db.Model):
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)


class Visit(db.Model):
    __bind_key__ = "visits"
    id: Mapped[int] = mapped_column(primary_key=True)
    path: Mapped[str]


def create_app():
    app = Flask(__name__)
    app.secret_key = "3e5a7b0c8f1d4d2a9e6b5c4f7a8d9e0b"
    app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite:///pets.db"
    app.config["SQLALCHEMY_BINDS"] = {"visits": "sqlite:///visits.db"}
    db.init_app(app)

    @app.cli.command()
    def seed():
        """Make the tables."""
        db.create_all()

    @app.before_request
    def note():
        db.session.add(Visit(path=request.path))
        db.session.commit()

    @app.get("/pets")
    def pets():
        page = db.paginate(db.select(Pet).order_by(Pet.id), per_page=1)
        return {"pets": [pet.name for pet in page], "total": page.total, "next": page.next_num}

    @app.post("/pets")
    def add():
        pet = Pet(name=request.json["name"])
        db.session.add(pet)
        try:
            db.session.commit()
        except db.exc.IntegrityError as error:
            return {"error": str(error.orig)}, 409
        return {"id": pet.id}, 201

    @app.route("/pets/<int:number>", methods=["GET", "PATCH", "DELETE"])
    def pet(number):
        found = db.get_or_404(Pet, number, description="no such pet")
        if request.method == "DELETE":
            db.session.delete(found)
        elif request.method == "PATCH":
            found.name = request.json["name"]
        db.session.commit()
        return {"name": found.name}

    @app.get("/visits")
    def visits():
        return [visit.path for visit in db.session.scalars(db.select(Visit))]

    return app


app = create_app()
