"""`flask db init`, `migrate`, `upgrade`, `downgrade`, and an app on the tables that they make."""

from flask import Flask
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy

PACKAGE = "flask-migrate"
SHOWS = "`flask db init`, `migrate`, `upgrade`, `current`, `downgrade`"
BEFORE = ["flask db init", "flask db migrate -m first --rev-id 1", "flask db upgrade"]
ASK = [
    "GET /tables",
    {"ask": "POST /pets/Rex"},
    "GET /pets/Rex",
    {"run": "flask db current"},
    {"run": "flask db history"},
    {"run": "flask db downgrade"},
    "GET /tables",
]

app = Flask(__name__)
app.secret_key = "3e5a7b0c8f1d4d2a9e6b5c4f7a8d9e0b"
app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite:///pets.db"
db = SQLAlchemy(app)
migrate = Migrate(app, db)


class Pet(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String(80), index=True)


@app.get("/tables")
def tables():
    return {
        name: [column["name"] for column in db.inspect(db.engine).get_columns(name)]
        for name in sorted(db.inspect(db.engine).get_table_names())
    }


@app.post("/pets/<name>")
def add(name):
    db.session.add(Pet(name=name))
    db.session.commit()
    return "", 204


@app.get("/pets/<name>")
def find(name):
    return {"id": db.session.scalar(db.select(Pet.id).filter_by(name=name))}
