"""An app with the extension that is named; prints as JSON what its requests answer."""

import importlib
import json
import sys
import tempfile

from flask import Blueprint, Flask, g, jsonify, render_template_string, request, session

app = Flask(__name__)
app.config.update(
    SECRET_KEY="a key of the tests, as long as some want it",
    TESTING=True,
    SQLALCHEMY_DATABASE_URI="sqlite://",
    WTF_CSRF_ENABLED=False,
)


def apiflask():
    from apiflask import APIFlask, Schema
    from apiflask.fields import Integer, String

    class Pet(Schema):
        name = String(required=True)
        age = Integer(load_default=1)

    own = APIFlask(__name__, title="Pets")

    @own.post("/pets")
    @own.input(Pet, location="json")
    @own.output(Pet, status_code=201)
    def make(json_data):
        return json_data

    client = own.test_client()
    yield client.post("/pets", json={"name": "Rex"})
    yield client.post("/pets", json={})
    yield client.get("/openapi.json")


def flask_admin():
    from flask_admin import Admin, BaseView, expose
    from flask_babel import Babel

    Babel(app)  # flask-admin uses it where it is installed

    class Own(BaseView):
        @expose("/")
        def index(self):
            return "own view"

    Admin(app, name="Admin").add_view(Own(name="Own", endpoint="own"))
    client = app.test_client()
    yield client.get("/admin/own/")
    yield client.get("/admin/").status_code


def flask_babel():
    from datetime import date

    from flask_babel import Babel, format_date

    Babel(app, locale_selector=lambda: request.args.get("lang"))
    app.add_url_rule("/", view_func=lambda: format_date(date(2026, 1, 2)))
    yield app.test_client().get("/?lang=de")
    yield app.test_client().get("/?lang=en")


def flask_bcrypt():
    from flask_bcrypt import Bcrypt

    bcrypt = Bcrypt(app)
    yield bcrypt.check_password_hash(bcrypt.generate_password_hash("word", 4), "word")


def flask_caching():
    from flask_caching import Cache

    cache = Cache(app, config={"CACHE_TYPE": "SimpleCache"})
    counted = []

    @app.get("/")
    @cache.cached(timeout=50, query_string=True)
    def index():
        counted.append(1)
        return f"{len(counted)} {request.args.get('a')}"

    client = app.test_client()
    yield from (client.get("/?a=1"), client.get("/?a=1"), client.get("/?a=2"))


def flask_compress():
    from flask_compress import Compress

    Compress(app)
    app.add_url_rule("/", view_func=lambda: "text " * 1000)
    yield (
        app.test_client().get("/", headers={"Accept-Encoding": "gzip"}).headers["Content-Encoding"]
    )
    yield app.test_client().get("/").content_length


def flask_cors():
    from flask_cors import CORS

    CORS(app, origins=["https://a.example"], supports_credentials=True)
    app.add_url_rule("/", view_func=lambda: "text")
    for method in ("get", "options"):
        answer = getattr(app.test_client(), method)("/", headers={"Origin": "https://a.example"})
        yield sorted((k, v) for k, v in answer.headers if k.startswith("Access-Control"))


def flask_httpauth():
    from flask_httpauth import HTTPBasicAuth

    auth = HTTPBasicAuth()
    auth.verify_password(lambda name, word: name if word == "right" else None)
    app.add_url_rule("/", view_func=auth.login_required(lambda: str(auth.current_user())))
    yield app.test_client().get("/", auth=("Ada", "right"))
    yield app.test_client().get("/", auth=("Ada", "wrong"))


def flask_jwt_extended():
    from flask_jwt_extended import JWTManager, create_access_token, get_jwt_identity, jwt_required

    JWTManager(app)
    app.add_url_rule("/", view_func=jwt_required()(lambda: get_jwt_identity()))
    with app.app_context():
        token = create_access_token("Ada")
    yield app.test_client().get("/", headers={"Authorization": f"Bearer {token}"})
    yield app.test_client().get("/")
    yield app.test_client().get("/", headers={"Authorization": "Bearer a.b.c"})


def flask_limiter():
    from flask_limiter import Limiter
    from flask_limiter.util import get_remote_address

    limiter = Limiter(get_remote_address, app=app, storage_uri="memory://")
    app.add_url_rule("/", view_func=limiter.limit("2 per hour")(lambda: "text"))
    yield [app.test_client().get("/").status_code for _ in range(3)]


def flask_login():
    from flask_login import LoginManager, UserMixin, current_user, login_required, login_user

    class User(UserMixin):
        id = "Ada"

    manager = LoginManager(app)
    manager.user_loader(lambda key: User())
    app.add_url_rule("/in", "in", lambda: str(login_user(User(), remember=True)))
    app.add_url_rule("/", "index", login_required(lambda: current_user.id))
    client = app.test_client()
    yield from (client.get("/"), client.get("/in"), client.get("/"))


def flask_mail():
    from flask_mail import Mail, Message

    mail = Mail(app)
    with app.app_context(), mail.record_messages() as outbox:
        mail.send(Message("Hello", sender="a@a.example", recipients=["b@b.example"], body="text"))
        yield [message.subject for message in outbox]


def flask_marshmallow():
    from flask_marshmallow import Marshmallow

    ma = Marshmallow(app)

    class Thing(ma.Schema):
        url = ma.URLFor("thing", values={"number": "<number>"})

    @app.get("/thing/<int:number>")
    def thing(number):
        return Thing().dump({"number": number})

    yield app.test_client().get("/thing/3")


def flask_migrate():
    from flask_migrate import Migrate
    from flask_sqlalchemy import SQLAlchemy

    with tempfile.TemporaryDirectory() as folder:
        app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{folder}/rows.sqlite"
        Migrate(app, SQLAlchemy(app), directory=f"{folder}/migrations")
        for command in ("init", "migrate", "upgrade"):
            yield app.test_cli_runner().invoke(args=["db", command]).exit_code


def flask_restful():
    from flask_restful import Api, Resource, abort

    class Thing(Resource):
        def get(self, number):
            if number > 3:
                abort(404, message="too many")
            return {"number": number}, 200, {"X-Own": "z"}

    api = Api(app)
    api.add_resource(Thing, "/thing/<int:number>")
    client = app.test_client()
    yield from (client.get("/thing/3"), client.get("/thing/4"), client.get("/no"))
    yield client.delete("/thing/3")


def flask_restx():
    from flask_restx import Api, Resource, fields

    api = Api(app, title="Things")
    model = api.model("Thing", {"number": fields.Integer})

    @api.route("/thing/<int:number>")
    class Thing(Resource):
        @api.marshal_with(model)
        def get(self, number):
            return {"number": number, "hidden": True}

    client = app.test_client()
    yield client.get("/thing/3")
    yield client.get("/nowhere").status_code
    yield sorted(client.get("/swagger.json").json["paths"])


def flask_session():
    from cachelib import SimpleCache
    from flask_session import Session

    app.config.update(SESSION_TYPE="cachelib", SESSION_CACHELIB=SimpleCache())
    Session(app)

    @app.get("/")
    def count():
        session["count"] = session.get("count", 0) + 1
        return str(session["count"])

    client = app.test_client()
    yield from (client.get("/"), client.get("/"))


def flask_smorest():
    import marshmallow
    from flask_smorest import Api
    from flask_smorest import Blueprint as Pages

    class Query(marshmallow.Schema):
        number = marshmallow.fields.Integer(required=True)

    app.config.update(API_TITLE="Things", API_VERSION="1", OPENAPI_VERSION="3.0.2")
    pages = Pages("things", __name__)

    @pages.route("/thing")
    @pages.arguments(Query, location="query")
    @pages.response(200, Query)
    def thing(query):
        return query

    Api(app).register_blueprint(pages)
    yield from (app.test_client().get("/thing?number=3"), app.test_client().get("/thing"))


def flask_socketio():
    from flask_socketio import SocketIO, emit

    socketio = SocketIO(app, async_mode="threading")

    @socketio.on("asked")
    def answer(data):
        session["last"] = data
        emit("answered", {"was": data, "path": request.path})

    client = socketio.test_client(app, flask_test_client=app.test_client())
    client.emit("asked", "text")
    yield client.get_received()


def flask_sqlalchemy():
    from flask_sqlalchemy import SQLAlchemy

    db = SQLAlchemy(app)

    class Row(db.Model):
        id = db.Column(db.Integer, primary_key=True)
        name = db.Column(db.String)

    @app.get("/<int:number>")
    def row(number):
        return db.get_or_404(Row, number).name

    with app.app_context():
        db.create_all()
        db.session.add(Row(name="Ada"))
        db.session.commit()
        yield from (app.test_client().get("/1"), app.test_client().get("/2"))


def flask_talisman():
    from flask_talisman import Talisman

    Talisman(app)
    app.add_url_rule("/", view_func=lambda: "text")
    yield app.test_client().get("/")
    yield (
        app.test_client().get("/", base_url="https://localhost").headers["Content-Security-Policy"]
    )


def flask_wtf():
    from flask_wtf import CSRFProtect, FlaskForm
    from wtforms import StringField
    from wtforms.validators import DataRequired

    class Form(FlaskForm):
        name = StringField(validators=[DataRequired()])

    app.config["WTF_CSRF_ENABLED"] = True
    CSRFProtect(app)

    @app.route("/", methods=["GET", "POST"])
    def index():
        form = Form()
        g.valid = form.validate_on_submit()
        return render_template_string("{{ g.valid }} {{ form.name.label }}", form=form)

    @app.get("/token")
    def token():
        return render_template_string("{{ csrf_token() }}")

    client = app.test_client()
    yield from (client.get("/"), client.post("/", data={"name": "Ada"}))
    yield client.post("/", data={"name": "Ada", "csrf_token": client.get("/token").text})


def blueprints_of_others():
    """What many extensions do: a blueprint with a template folder, hooks and a JSON answer."""
    part = Blueprint("part", __name__, url_prefix="/part")
    part.before_request(lambda: g.setdefault("seen", []).append("part"))
    part.add_url_rule("/", "index", lambda: jsonify(g.seen))
    app.before_request_funcs.setdefault(None, []).insert(
        0, lambda: g.setdefault("seen", ["app"]) and None
    )
    app.register_blueprint(part)
    yield app.test_client().get("/part/")


def plain(found):
    """Make what an extension answered comparable."""
    if hasattr(found, "status_code"):
        return [found.status_code, found.headers.get("Content-Type"), found.get_data(as_text=True)]
    return found


name = sys.argv[1]
if name != "blueprints_of_others":
    importlib.import_module(name)
print(json.dumps({"flask": Flask.__module__, "found": [plain(part) for part in globals()[name]()]}))
