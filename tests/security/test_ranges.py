"""A Range costs no more than the file, and only digits are numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kolben import Flask, send_file
from tests.security.growth import RANGE_NUMBERS, assert_linear
from tests.security.ways import EnvironWay, Server, Way, make_environ

SIZE = 10_000
CONTENT = "".join(f"{number:07d}\n" for number in range(SIZE // 8)).encode()


def ask(way: Way, value: str, target: str = "/ranged") -> tuple[int, bytes]:
    answer = way.ask(target, headers=[("Range", value)])
    return answer.status, answer.body


@pytest.mark.parametrize(
    ("value", "start", "stop"),
    [
        ("bytes=0-", 0, SIZE),
        ("bytes=0-0", 0, 1),
        ("bytes=8-15", 8, 16),
        ("bytes=-8", -8, SIZE),
        ("bytes=9999-", 9999, SIZE),
        ("bytes=9990-999999999999999999999", 9990, SIZE),
    ],
)
@pytest.mark.parametrize("target", ["/ranged", "/static/ten-thousand.txt"])
def test_one_range_is_answered(way: Way, target: str, value: str, start: int, stop: int) -> None:
    assert ask(way, value, target) == (206, CONTENT[start:stop])


@pytest.mark.parametrize(
    "value",
    [
        "bytes=-0",
        "bytes=10000-",
        "bytes=5-4",
        "bytes=" + "9" * 400 + "-",
        "bytes=" + "9" * 4000 + "-",
        "bytes=" + "0-," * 1000 + "0-",
        "bytes=" + ",".join(f"{start}-{start}" for start in range(1000)),
        "bytes=0-0,0-0",
        "bytes=,",
        "bytes=",
        "bytes=-",
        "bytes=--1",
        "bytes=+0-1",
        "bytes=0-+1",
        "bytes=0x0-0x1",
        "bytes=1_0-2_0",
        "bytes=0.0-1",
        "bytes=\xb2-\xb3",
        "bytes=0-\xb9",
        "bytes=a-b",
        "bytes",
        "",
        "=",
        "lines=0-1",
        "bytes=0-1;",
    ],
    ids=lambda value: value[:20] or "empty",
)
@pytest.mark.parametrize("target", ["/ranged", "/static/ten-thousand.txt"])
def test_any_other_is_refused_or_ignored(way: Way, target: str, value: str) -> None:
    status, body = ask(way, value, target)
    # A header that Granian cannot read is a 400; over WSGI so is an empty one.
    assert status in ({200, 416} if value and value.isascii() else {200, 400, 416})
    assert len(body) <= 2 * SIZE
    if status == 200:
        assert body == CONTENT


def test_digits_of_other_scripts_are_no_numbers(environ_way: EnvironWay) -> None:
    for value in ("bytes=\u0660-\u0661", "bytes=\uff10-\uff11", "bytes=0-\u0967"):
        assert ask(environ_way, value)[0] in {200, 416}


def test_many_ranges_take_linear_time(app: Flask) -> None:
    def make(size: int) -> Callable[[], object]:
        value = "bytes=" + ",".join(f"{start}-{start}" for start in range(0, size, 2))
        environ = make_environ("/ranged", headers=[("Host", "h"), ("Range", value)])

        def work() -> None:
            with app.request_context(environ) as context:
                assert context.request.range is not None

        return work

    assert_linear(make, RANGE_NUMBERS)


def test_a_file_that_shrinks_meanwhile_ends_its_connection_only(
    server: Server, tmp_path: Path
) -> None:
    path = tmp_path / "shrinks"
    path.write_bytes(b"x" * 500_000)
    pid = server.pid()
    headers = "Host: localhost\r\nConnection: close"
    raw = server.send(f"GET /shrinking?path={path} HTTP/1.1\r\n{headers}\r\n\r\n".encode())
    assert raw.partition(b"\r\n\r\n")[2].count(b"x") < 500_000
    assert server.pid() == pid


def test_a_range_of_a_file_that_shrank_gives_what_there_is(tmp_path: Path) -> None:
    path = tmp_path / "shrinks"
    path.write_bytes(b"x" * 500_000)
    app = Flask("shrinking", static_folder=None)

    @app.route("/")
    def shrinking() -> object:
        response = send_file(path, mimetype="text/plain")
        path.write_bytes(b"x" * 10)
        return response

    assert ask(EnvironWay(app), "bytes=5-400000", "/") == (206, b"x" * 5)
