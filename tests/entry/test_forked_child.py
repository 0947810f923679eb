"""A child of a view ends where it comes back to the server; a worker goes on."""

from __future__ import annotations

import multiprocessing
import os
import sys

import pytest

from kolben.entry import forked_child
from kolben.entry.forked_child import end_child, note_child, worker_of_child

if sys.platform == "win32":
    pytest.skip("Windows has no fork", allow_module_level=True)


class Ended(BaseException):
    """In place of the end of this process, with its exit code."""


@pytest.fixture
def as_child(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have this process be a child that may go on."""

    def end(code: int) -> None:
        raise Ended(code)

    monkeypatch.setattr(os, "_exit", end)
    monkeypatch.setattr(forked_child, "worker_of_child", [os.getppid()])


def test_a_worker_goes_on() -> None:
    error = ValueError()
    assert end_child() is None
    assert end_child(error) is error


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (None, 0, "came back to the server's code"),
        (ValueError(), 1, "came back to the server's code"),
        (SystemExit(), 0, ""),
        (SystemExit(3), 3, ""),
        (SystemExit(True), 1, ""),
        (SystemExit(-1), 255, ""),
        (SystemExit("sorry"), 1, "sorry\n"),
    ],
    ids=["back", "error", "exit", "exit 3", "exit True", "exit -1", "exit text"],
)
@pytest.mark.usefixtures("as_child")
def test_a_child_ends_with_its_code(
    error: BaseException | None, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Ended) as ended:
        end_child(error)
    assert (code,) == ended.value.args
    err = capsys.readouterr().err
    assert said in err
    assert bool(said) == bool(err)


def fork(in_multiprocessing: bool) -> int:
    """Fork a child, let it come back; return its exit code."""

    def come_back() -> None:
        note_child()
        note_child()  # a child of a child has come from the same worker
        end_child(SystemExit(len(worker_of_child) + 4))
        sys.exit(9)

    if in_multiprocessing:
        child = multiprocessing.get_context("fork").Process(target=come_back)
        child.start()
        child.join(20)
        assert child.exitcode is not None
        return child.exitcode
    pid = os.fork()
    if not pid:
        try:
            come_back()
        finally:
            os._exit(8)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_real_child_ends_there() -> None:
    assert 5 == fork(in_multiprocessing=False)


def test_a_child_of_multiprocessing_is_ended_by_that() -> None:
    assert 9 == fork(in_multiprocessing=True)


def test_a_child_is_noted_with_its_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forked_child, "worker_of_child", [])
    note_child()
    note_child()
    assert [os.getppid()] == forked_child.worker_of_child
