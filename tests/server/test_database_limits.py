"""Database servers are asked what they allow, and never waited for long."""

from __future__ import annotations

import socket
import time
from typing import Any

import psycopg
import pytest
import sqlalchemy
from sqlalchemy.ext.asyncio import create_async_engine

from kolben import Flask, current_app
from kolben.server.database_limits import PATIENCE_S, ServerLimit, ask_servers
from kolben.server.looks import Looks
from tests.running import wait_for


def truth(url: str, statement: str) -> int:
    """Ask a server by hand."""
    engine = sqlalchemy.create_engine(url)
    with engine.connect() as connection:
        value = int(connection.exec_driver_sql(statement).scalar_one())
    engine.dispose()
    return value


@pytest.mark.parametrize("is_async", [False, True], ids=["plain", "async"])
def test_postgresql_says_what_it_allows(postgresql_url: str, is_async: bool) -> None:
    own = f"asked-{is_async}-{time.monotonic_ns()}"
    plain_url = postgresql_url.replace("postgresql:", "postgresql+psycopg:")
    url = f"{plain_url}?application_name={own}"
    engine: Any = sqlalchemy.create_engine(url)
    asked = create_async_engine(url).sync_engine if is_async else engine
    found = ask_servers(
        Looks(Flask("shop")), [("of the default bind", asked), ("of another", engine)]
    )
    most = truth(plain_url, "SHOW max_connections")
    reserved = truth(plain_url, "SHOW superuser_reserved_connections")
    names = ("of the default bind", "of another")
    assert [ServerLimit("postgresql://127.0.0.1:5432", most, reserved, names)] == found
    assert most - reserved == found[0].allowed
    # What was opened to ask is closed, and not kept for the app.
    count = f"SELECT count(*) FROM pg_stat_activity WHERE application_name = '{own}'"
    wait_for(lambda: truth(plain_url, count) == 0)


def test_mariadb_says_what_it_allows(mariadb_url: str) -> None:
    url = mariadb_url.replace("mysql:", "mysql+pymysql:")
    most = truth(url, "SELECT @@GLOBAL.max_connections")
    found = ask_servers(Looks(Flask("shop")), [("of it", sqlalchemy.create_engine(url))])
    assert [ServerLimit("mysql://127.0.0.1:3306", most, 0, ("of it",))] == found


def test_what_makes_a_connection_may_read_the_apps_settings(postgresql_url: str) -> None:
    engine = sqlalchemy.create_engine("postgresql+psycopg://127.0.0.1:1/of-the-settings")
    app = Flask("shop")
    app.config["DATABASE"] = postgresql_url

    @sqlalchemy.event.listens_for(engine, "do_connect")
    def connect(*_: Any) -> Any:
        return psycopg.connect(current_app.config["DATABASE"])

    (limit,) = ask_servers(Looks(app), [("of it", engine)])
    assert "" == limit.failure
    assert limit.allowed > 0


def test_sqlite_has_no_server() -> None:
    assert [] == ask_servers(
        Looks(Flask("shop")), [("of it", sqlalchemy.create_engine("sqlite://"))]
    )


def test_a_server_that_is_not_there_is_told_with_the_reason(free_port: int) -> None:
    url = f"mysql+pymysql://root@127.0.0.1:{free_port}/test"
    (limit,) = ask_servers(Looks(Flask("shop")), [("of it", sqlalchemy.create_engine(url))])
    assert (0, 0) == (limit.most, limit.reserved)
    assert "Can't connect to MySQL server" in limit.failure


def test_a_server_that_is_silent_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"mysql+pymysql://root@127.0.0.1:{silent.getsockname()[1]}/test"
        engine = sqlalchemy.create_engine(url, connect_args={"connect_timeout": 30})
        began = time.monotonic()
        (limit,) = ask_servers(Looks(Flask("shop")), [("of it", engine)])
        took_s = time.monotonic() - began
    assert f"no answer within {PATIENCE_S:g} seconds" == limit.failure
    # The driver alone would wait for 30.
    assert PATIENCE_S - 0.1 < took_s < 20
