"""An app with a view of every kind, made after its tracer: `watched.py` says which one that is."""

import time

import watched

watched.begin()

from flask import (  # noqa: E402  # a tracer begins before Flask is imported
    Blueprint,
    Flask,
    Response,
    abort,
    redirect,
    render_template,
    render_template_string,
    request,
    stream_with_context,
    url_for,
)
from flask.views import MethodView, View  # noqa: E402  # likewise

app = Flask(__name__)
app.secret_key = "not secret"
inner = Blueprint("inner", __name__, url_prefix="/inner")


@app.before_request
def answer_early():
    if request.path == "/early":
        return "answered before the view"
    return None


@app.after_request
def add_header(response):
    response.headers["X-Seen"] = "yes"
    return response


@app.teardown_request
def note_end(error):
    time.sleep(0)


@app.get("/")
def home():
    return "home"


@app.get("/json")
def as_json():
    return {"a": 1}


@app.route("/item/<int:number>", methods=["GET", "POST"])
def item(number):
    return str(number)


@inner.get("/view")
def in_blueprint():
    return "of a blueprint"


@inner.get("/fails")
def fails_in_blueprint():
    raise LookupError("in a blueprint")


@inner.before_request
def before_inner():
    time.sleep(0)


class Method(MethodView):
    def get(self):
        return "got"

    def post(self):
        return "posted", 201


class Dispatched(View):
    def dispatch_request(self):
        return "dispatched"


app.add_url_rule("/method", view_func=Method.as_view("method"))
app.add_url_rule("/class", view_func=Dispatched.as_view("dispatched"))


@app.get("/async")
async def awaits():
    return "async"


@app.get("/async-fails")
async def awaits_and_fails():
    raise ValueError("async")


@app.get("/fails")
def fails():
    return str(1 / 0)


@app.get("/teapot")
def teapot():
    abort(418)


@app.get("/handled")
def handled():
    raise KeyError("handled")


@app.errorhandler(KeyError)
def handle(error):
    return "handled", 409


@inner.errorhandler(LookupError)
def handle_inner(error):
    return "looked up", 404


@app.get("/stream")
def stream():
    def pieces():
        yield "one, "
        yield request.path

    return Response(stream_with_context(pieces()))


@app.get("/generator")
def generator():
    return iter(["one", "two"])


@app.get("/early")
def early():
    return "never"


@app.get("/template")
def template():
    return render_template("hello.html", name="Ada")


@app.get("/string")
def string():
    return render_template_string("{{ 1 + 1 }}")


@app.get("/moved")
def moved():
    return redirect(url_for("home"))


@app.get("/server-error")
def server_error():
    return "said so itself", 503


app.register_blueprint(inner)
watched.watch(app)
