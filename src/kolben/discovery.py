"""Find the app that a command is for: from `module:name`, a file's path, or a factory.

Rule: the person sees their own traceback, without the frames that led to their code.
"""

from __future__ import annotations

import ast
import inspect
import os
import re
import sys
import traceback
from types import ModuleType, TracebackType
from typing import IO, Any, TypeGuard

import click

from kolben.typing import App

APP_NAMES = ("app", "application")
FACTORY_NAMES = ("create_app", "make_app")
DEFAULT_FILES = ("wsgi.py", "app.py")

# Files whose frames lie between a command and the app's own code.
_HERE = os.path.dirname(__file__)
_MACHINERY = frozenset(
    {
        __file__,
        os.path.join(_HERE, "commands.py"),
        os.path.join(_HERE, "server", "worker.py"),
    }
)
# Folders of what calls a command.
_COMMAND_LINE = (os.path.join(_HERE, ""), os.path.join(os.path.dirname(click.__file__), ""))


class NoAppException(click.UsageError):
    """Raised when no app can be found or loaded; the message says why and how to cure it."""


class AppImportError(NoAppException):
    """Raised when the app's own code fails with an ImportError; the message holds its traceback."""

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the message alone: how the command is used has nothing to do with it."""
        click.echo(f"Error: {self.format_message()}", file=file, err=file is None)


def is_app(value: object) -> TypeGuard[App]:
    """Say whether a value is an app.

    Rule of the floors: this file is below the app. An app can only exist once its class has
    been imported, so that looking for the class in `sys.modules` always gives the right answer.
    """
    module = sys.modules.get("kolben.app")
    try:
        return module is not None and isinstance(value, module.Flask)
    except Exception:  # noqa: BLE001  # a proxy of the user's asks what it stands for
        return False


def locate_app(
    module_name: str, app_name: str | None, raise_if_not_found: bool = True
) -> App | None:
    """Import a module and take the app, or call the factory, that `app_name` says.

    app_name: a name, or a call with literal arguments; None looks for the best candidate.
    raise_if_not_found: False returns None if there is no such module.
    NoAppException: no such module or no app in it. AppImportError: the module itself fails with
    an ImportError. Whatever else the app raises goes through as it is.
    """
    try:
        __import__(module_name)
    except ImportError as error:
        inner = own_traceback(error)
        if inner is not None:
            raise AppImportError(_tell_import_error(module_name, error, inner)) from None
        if not raise_if_not_found:
            return None
        raise NoAppException(_tell_no_module(module_name, error)) from None
    module = sys.modules[module_name]
    return find_best_app(module) if app_name is None else find_app_by_string(module, app_name)


def find_best_app(module: ModuleType) -> App:
    """Return the app of a module: `app`, `application`, the only one there, or a factory's.

    NoAppException: there is none, there are several, or the factory wants arguments.
    """
    for name in APP_NAMES:
        value = getattr(module, name, None)
        if is_app(value):
            return value

    # By identity: an app may have two names.
    named = {id(value): (name, value) for name, value in vars(module).items() if is_app(value)}
    if len(named) == 1:
        ((_, app),) = named.values()
        return app
    if len(named) > 1:
        names = [name for name, _ in named.values()]
        raise NoAppException(
            f"The module {module.__name__!r} has several apps: {', '.join(names)}."
            f" Say which one: '{module.__name__}:{names[0]}'."
        )
    for name in FACTORY_NAMES:
        factory = getattr(module, name, None)
        if inspect.isfunction(factory):
            made = _call_factory_without_arguments(module, name)
            if is_app(made):
                return made
    raise NoAppException(_tell_no_app_in(module))


def find_app_by_string(module: ModuleType, app_name: str) -> App:
    """Return the app that a name or a call like `create_app('dev', debug=True)` stands for.

    NoAppException: not a name or call of literals, no such attribute, wrong arguments, or the
    result is not an app.
    """
    name, args, kwargs, called = _parse_reference(app_name)
    where = f"{module.__name__}:{app_name}"
    try:
        value = getattr(module, name)
    except AttributeError:
        raise NoAppException(
            f"The module {module.__name__!r} has no {name!r}.{_nearest(name, dir(module))}"
        ) from None

    if inspect.isfunction(value) or (called and callable(value) and not is_app(value)):
        try:
            value = value(*args, **kwargs)
        except TypeError as error:
            if not _failed_at_the_call(error):
                raise
            raise NoAppException(
                f"The factory {name!r} in the module {module.__name__!r} cannot be called as"
                f" {app_name!r}: {error}. Give its arguments as literals:"
                f" '{module.__name__}:{name}(\"dev\")'."
            ) from error
    if is_app(value):
        return value
    raise NoAppException(f"{where!r} is not an app but {type(value).__name__}.{_real_flask(value)}")


def prepare_import(path: str | os.PathLike[str]) -> str:
    """Return the module name for a file's path or a dotted name, and make it importable.

    Puts first on `sys.path` the directory that holds the outermost package.
    """
    path = os.path.realpath(path)
    stem, extension = os.path.splitext(path)
    if extension == ".py":
        path = stem
    if os.path.basename(path) == "__init__":
        path = os.path.dirname(path)

    directory, module = os.path.split(path)
    while os.path.exists(os.path.join(directory, "__init__.py")):  # a package: go up
        directory, package = os.path.split(directory)
        module = f"{package}.{module}"
    if directory != sys.path[0]:
        sys.path.insert(0, directory)
    return module


def split_import_path(path: str) -> tuple[str, str | None]:
    r"""Split `module:name` in two; the colon of a drive (`C:\app.py`) belongs to the path."""
    module, *name = re.split(r":(?![\\/])", path, maxsplit=1)
    return module, name[0] if name else None


def load_from_path(app_import_path: str | None) -> App:
    """Find the app of `--app`; without one, that of wsgi.py or app.py in the working directory.

    NoAppException: none can be found.
    """
    found: App | None = None
    if app_import_path is not None:
        path, name = split_import_path(app_import_path)
        found = locate_app(prepare_import(path), name)
    else:
        for file in DEFAULT_FILES:
            found = locate_app(prepare_import(file), None, raise_if_not_found=False)
            if found is not None:
                break
    if found is None:
        raise NoAppException(
            "No app was found. Say where it is with '--app module:name', with the environment"
            " variable KOLBEN_APP or FLASK_APP, or put it in 'wsgi.py' or 'app.py' in the current"
            f" directory ({os.getcwd()})."
        )
    return found


def own_traceback(error: BaseException) -> TracebackType | None:
    """Return the part of an exception's traceback that begins with the app's own code.

    None: no code of the app was reached.
    """
    begin = step = error.__traceback__
    while step is not None:
        code = step.tb_frame.f_code
        is_import_system = step is begin and code.co_filename.startswith("<frozen importlib")
        if code.co_filename in _MACHINERY or is_import_system:
            begin = step.tb_next
        step = step.tb_next
    return begin


def format_own_traceback(error: BaseException) -> str:
    """Return the text of an exception as the app's author would see it, ends with a newline."""
    steps = own_traceback(error)
    if steps is None and not isinstance(error, SyntaxError):
        # Raised by no code of the app; a syntax error names its place without any frame.
        steps = error.__traceback__
    return "".join(traceback.format_exception(type(error), error, steps))


def begin_at_own_code(error: Exception) -> None:
    """Cut the way through the command line off an exception's traceback.

    An error of Kolben or click themselves, which no code of the app is on the way to, keeps it.
    """
    step = own_traceback(error)
    while step is not None and step.tb_frame.f_code.co_filename.startswith(_COMMAND_LINE):
        step = step.tb_next
    if step is not None or isinstance(error, SyntaxError):
        error.__traceback__ = step


def _call_factory_without_arguments(module: ModuleType, name: str) -> object:
    """Call a factory; a TypeError of the call itself, not of its body, is a NoAppException."""
    try:
        return getattr(module, name)()
    except TypeError as error:
        if not _failed_at_the_call(error):
            raise
        raise NoAppException(
            f"The factory {name!r} in the module {module.__name__!r} wants arguments ({error})."
            f" Give them as literals: '{module.__name__}:{name}(\"dev\")'."
        ) from error


def _failed_at_the_call(error: TypeError) -> bool:
    """Say whether a call failed before the callee's body ran: no frame below our own then."""
    return own_traceback(error) is None


def _parse_reference(app_name: str) -> tuple[str, list[Any], dict[str, Any], bool]:
    """Split `name` or `name(literals)` into name, arguments, keywords, and whether it is a call."""
    try:
        expression = ast.parse(app_name.strip(), mode="eval").body
    except SyntaxError:
        expression = None
    match expression:
        case ast.Name(id=name):
            return name, [], {}, False
        case ast.Call(func=ast.Name(id=name), args=args, keywords=keywords):
            try:
                values = [ast.literal_eval(arg) for arg in args]
                # `**options` has no name and cannot be literal: refused like a variable.
                named = {str(word.arg): ast.literal_eval(word.value) for word in keywords}
            except ValueError:
                raise NoAppException(
                    f"The arguments in {app_name!r} must be literals: strings in quotes, numbers,"
                    " True, False, None, lists, dicts."
                ) from None
            return name, values, named, True
        case ast.Call():
            raise NoAppException(f"The factory in {app_name!r} must be a simple name.")
    raise NoAppException(
        f"{app_name!r} is neither a name nor a call. Write 'module:app', 'module:create_app' or"
        " 'module:create_app(\"dev\")'."
    )


def _nearest(name: str, candidates: list[str]) -> str:
    """Return a sentence that proposes a similar name, or nothing."""
    import difflib  # starts faster without it

    close = difflib.get_close_matches(name, candidates, n=1)
    return f" Did you mean {close[0]!r}?" if close else ""


def _tell_import_error(module_name: str, error: ImportError, inner: TracebackType) -> str:
    """Word the failure of the app's own imports: its traceback, then what can be done."""
    from kolben.dev.missing_module import explain  # starts faster without it

    text = "".join(traceback.format_exception(type(error), error, inner))
    help_text = explain(error)
    return f"The app {module_name!r} could not be imported:\n\n{text}" + (
        f"\n{help_text}" if help_text else ""
    )


def _tell_no_module(module_name: str, error: ImportError) -> str:
    """Word the absence of the module that --app names."""
    from kolben.dev.missing_module import nearest_files  # starts faster without it

    missing = error.name or module_name
    close = nearest_files(missing, [sys.path[0]])
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return f"There is no module {missing!r} (looked for in {sys.path[0]} and on sys.path).{hint}"


def _tell_no_app_in(module: ModuleType) -> str:
    real = next((_real_flask(value) for value in vars(module).values() if _real_flask(value)), "")
    return (
        f"The module {module.__name__!r} has no app called 'app' or 'application', no other app,"
        " and no factory called 'create_app' or 'make_app' that returns one."
        f" Say which name it is: '{module.__name__}:name'.{real}"
    )


def _real_flask(value: object) -> str:
    """Explain an app of the real Flask, which is a stranger here; nothing for all other values."""
    kinds = {(kind.__module__, kind.__name__) for kind in type(value).__mro__}
    if ("flask.app", "Flask") not in kinds:
        return ""
    return (
        " It holds an app of the real Flask, because `flask` was imported before Kolben, or"
        " KOLBEN_DROP_IN=0 is set. Import it from `kolben`, or let Kolben answer for `flask`."
    )
