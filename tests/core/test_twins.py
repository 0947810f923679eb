"""What is there twice, called plainly and awaited, differs by the waiting alone.

A function `name_async` is the twin of `name`. Both are parsed; the waiting is taken out of the one,
and what is left must be the other, statement for statement.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path

import pytest

import kolben

HOUSE = Path(kolben.__file__).parent
FILES = ("signals.py", "core/cycle.py", "core/ending.py", "core/errors.py", "entry/respond.py")
Function = ast.FunctionDef | ast.AsyncFunctionDef

# Twins that stand elsewhere: file, class and name.
ELSEWHERE = {
    "_tear_down_async": ("core/context.py", "RequestContext", "_tear_down"),
}
# Names of what does the same where it is awaited.
SAME = {"ensure_async": "ensure_sync", "_sync_wrapper": "_async_wrapper"}
# What one twin says in other words than the other: of the plain one, of the awaited one.
IN_OTHER_WORDS = {
    "answer_user_exception_async": {
        # Through the method only where it may be overridden; see answer_error_async.
        "app.handle_http_exception(error)": "answer_http_exception(app, error)",
    },
    "_tear_down_async": {
        # A method, and through methods, since these may be overridden.
        "self.app.do_teardown_request(exc)": "tear_down_request(app, context, exc)",
        "super()._tear_down(exc)": "tear_down_app(app, exc)",
        "self": "context",
    },
}
# Those without a twin, and why.
ALONE = {
    "answer_error_async": "goes around the methods of the app, unless they are overridden",
    "save_session_async": "a session that may have to be waited for goes to a thread",
    "leave_async": "what it waits for must end though it is cancelled; no test client holds it",
    "release_async": "of a context that the event loop holds; its twin has nothing to choose",
    "respond_async": "the context is matched before, and a body nobody sends is closed in a thread",
}
# Those whose docstring says how they are called.
SAID_OTHERWISE = {"_handler_async", "announce_async"}


def functions(file: str) -> Iterator[Function]:
    """Yield the functions of a file, not those inside of classes or functions."""
    for node in ast.parse((HOUSE / file).read_text("utf-8")).body:
        if isinstance(node, Function):
            yield node


AWAITED = {
    node.name: (file, node)
    for file in FILES
    for node in functions(file)
    if node.name.endswith("_async")
}
TWINS = sorted(AWAITED.keys() - ALONE.keys())


class TakeWaitingOut(ast.NodeTransformer):
    """Makes what would be called plainly of what is awaited."""

    def visit_Await(self, node: ast.Await) -> ast.AST:
        return self.visit(node.value)  # type: ignore[no-any-return]  # ast has no types there

    def visit_AsyncFor(self, node: ast.AsyncFor) -> ast.AST:
        return self.generic_visit(ast.For(**dict(ast.iter_fields(node))))

    def visit_AsyncWith(self, node: ast.AsyncWith) -> ast.AST:
        return self.generic_visit(ast.With(**dict(ast.iter_fields(node))))

    def visit_Name(self, node: ast.Name) -> ast.AST:
        node.id = plain_name(node.id)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        node.attr = plain_name(node.attr)
        return self.generic_visit(node)

    def visit_keyword(self, node: ast.keyword) -> ast.AST:
        node.arg = None if node.arg is None else plain_name(node.arg)
        return self.generic_visit(node)


def plain_name(name: str) -> str:
    return SAME.get(name, name.removesuffix("_async"))


def body_of(function: Function, *, awaited: bool) -> str:
    """Return what a function does, without its docstring, in one fixed layout."""
    function = deepcopy(function)
    if ast.get_docstring(function) is not None:
        del function.body[0]
    module = ast.Module(function.body, [])
    if awaited:
        module = TakeWaitingOut().visit(module)
    return ast.unparse(ast.fix_missing_locations(module))


def arguments_of(function: Function) -> str:
    return ast.unparse(function.args)


def twin_of(name: str) -> Function:
    """Return the plain twin of a function."""
    file, owner, plain = ELSEWHERE.get(name, (AWAITED[name][0], None, name.removesuffix("_async")))
    found = functions(file)
    if owner is not None:
        tree = ast.parse((HOUSE / file).read_text("utf-8"))
        [kind] = [n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == owner]
        found = (node for node in kind.body if isinstance(node, Function))
    [twin] = [node for node in found if node.name == plain]
    return twin


def plain_body_of(name: str) -> str:
    """Return what the plain twin of a function does, in the words of the other."""
    text = body_of(twin_of(name), awaited=False)
    for plain, awaited in IN_OTHER_WORDS.get(name, {}).items():
        assert plain in text, f"{name}'s twin does not say {plain!r} any more"
        text = text.replace(plain, awaited)
    return text


@pytest.mark.parametrize("name", TWINS)
def test_twins_do_the_same(name: str) -> None:
    assert body_of(AWAITED[name][1], awaited=True) == plain_body_of(name)


@pytest.mark.parametrize("name", sorted(set(TWINS) - ELSEWHERE.keys()))
def test_twins_take_the_same_and_say_the_same(name: str) -> None:
    awaited, plain = AWAITED[name][1], twin_of(name)
    assert arguments_of(awaited) == arguments_of(plain)
    if name not in SAID_OTHERWISE:
        assert ast.get_docstring(awaited) == ast.get_docstring(plain)


def test_each_function_that_waits_is_named_so_and_has_a_twin_or_a_reason() -> None:
    waiting = {
        node.name
        for file in FILES
        for node in functions(file)
        if isinstance(node, ast.AsyncFunctionDef)
    }
    assert {name for name in waiting if not name.endswith("_async")} == set()
    assert ALONE.keys() <= waiting
    assert len(TWINS) >= 9


def changes_of(function: Function) -> Iterator[Function]:
    """Yield a function with one of its statements left out, each in turn."""
    for number, node in enumerate(ast.walk(function)):
        for field in ("body", "orelse", "finalbody"):
            statements = getattr(node, field, None)
            if not isinstance(statements, list):
                continue
            for index, statement in enumerate(statements):
                is_docstring = isinstance(statement, ast.Expr) and isinstance(
                    statement.value, ast.Constant
                )
                if not is_docstring:
                    changed = deepcopy(function)
                    twin_node = list(ast.walk(changed))[number]
                    getattr(twin_node, field)[index] = ast.Pass()
                    yield changed


@pytest.mark.parametrize("name", TWINS)
def test_a_statement_that_is_left_out_of_one_twin_is_noticed(name: str) -> None:
    plain = plain_body_of(name)
    changed = [body_of(twin, awaited=True) for twin in changes_of(AWAITED[name][1])]
    assert changed
    assert plain not in changed
