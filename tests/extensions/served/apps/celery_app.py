"""Celery as Flask's documentation has it: a task class that runs in a context, and a worker."""

import os

from celery import Celery, Task, shared_task
from celery.result import AsyncResult
from flask import Flask, current_app, g

PACKAGE = "celery"
SHOWS = "Flask's documented pattern, with a worker on Redis"
BESIDE = [
    (
        "celery -A celery_app:celery_app worker --pool solo --without-mingle --without-gossip"
        " --loglevel INFO",
        " ready.",
    ),
]
ASK = [
    {"ask": "POST /add/3/4", "keep": {"id": r'"id":"([^"]+)"'}},
    "GET /result/{id}",
    {"ask": "POST /fail", "keep": {"id": r'"id":"([^"]+)"'}},
    "GET /result/{id}",
]
RANDOM = [r'(?<="id":")[^"]+', r"(?<=/result/)\S+"]


def celery_init_app(app):
    class FlaskTask(Task):
        def __call__(self, *args, **kwargs):
            with app.app_context():
                return self.run(*args, **kwargs)

    celery_app = Celery(app.name, task_cls=FlaskTask)
    celery_app.config_from_object(app.config["CELERY"])
    celery_app.set_default()
    app.extensions["celery"] = celery_app
    return celery_app


def create_app():
    app = Flask(__name__)
    app.secret_key = "3e5a7b0c8f1d4d2a9e6b5c4f7a8d9e0b"
    app.config["CELERY"] = {
        "broker_url": "redis://127.0.0.1:6379/0",
        "result_backend": "redis://127.0.0.1:6379/0",
        "broker_transport_options": {"global_keyprefix": os.environ["MATRIX_PREFIX"]},
        "result_backend_transport_options": {"global_keyprefix": os.environ["MATRIX_PREFIX"]},
    }
    celery_init_app(app)
    return app


app = create_app()
celery_app = app.extensions["celery"]


@shared_task
def add(a, b):
    g.sum = a + b
    return {"sum": g.sum, "app": current_app.name}


@shared_task
def fail():
    raise ValueError("not today")


@app.post("/add/<int:a>/<int:b>")
def begin(a, b):
    return {"id": add.delay(a, b).id}


@app.post("/fail")
def begin_to_fail():
    return {"id": fail.delay().id}


@app.get("/result/<number>")
def result(number):
    found = AsyncResult(number)
    value = found.get(timeout=20, propagate=False)
    return {"state": found.state, "value": value if found.successful() else repr(value)}
