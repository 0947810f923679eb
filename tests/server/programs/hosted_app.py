"""What other servers run in the tests: it tells how this process's server is seen from inside."""

import os

import sqlalchemy
from flask import Flask

from kolben.server.hosts import report_here

app = Flask(__name__)
app.secret_key = "3e5a7b0c8f1d4d2a9e6b5c4f7a8d9e0b"
engine = sqlalchemy.create_engine("sqlite:///shop.db", pool_size=2, max_overflow=0)


@app.get("/")
def index():
    return "plain"


@app.get("/async")
async def wait():
    return "async"


@app.get("/report")
def report():
    return report_here(app)


@app.get("/pid")
def pid():
    return str(os.getpid())
