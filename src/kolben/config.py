"""The configuration of an app: a dict with ways to fill it."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Mapping
from functools import wraps
from types import ModuleType
from typing import IO, Any, Generic, Self, TypeVar, overload

from werkzeug.utils import import_string

from kolben.flask_names import lend_names

T = TypeVar("T")

# What `silent` keeps quiet about: the file is not there.
NO_SUCH_FILE = {errno.ENOENT, errno.EISDIR, errno.ENOTDIR}


class ConfigAttribute(Generic[T]):
    """An attribute of an app that reads and writes a key of its configuration.

    get_converter: turns what is configured into what the attribute gives.
    """

    def __init__(self, name: str, get_converter: Callable[[Any], T] | None = None) -> None:
        self.__name__ = name
        self.get_converter = get_converter

    @overload
    def __get__(self, obj: None, owner: type) -> Self: ...
    @overload
    def __get__(self, obj: Any, owner: type | None = None) -> T: ...
    def __get__(self, obj: Any, owner: type | None = None) -> T | Self:
        if obj is None:
            return self
        value = obj.config[self.__name__]
        return value if self.get_converter is None else self.get_converter(value)

    def __set__(self, obj: Any, value: Any) -> None:
        obj.config[self.__name__] = value


def _noting(change: Callable[..., Any]) -> Any:
    """Wrap a method of dict so that it notes, after it, that something has changed."""

    @wraps(change)
    def method(self: Config, *args: Any, **kwargs: Any) -> Any:
        try:
            return change(self, *args, **kwargs)
        finally:  # part of it may be done
            self._version = object()

    return method


class Config(dict[str, Any]):
    """A dict whose keys in capitals configure the app; files and objects may give more keys.

    root_path: where relative file names start.
    """

    # Another object after each change: who keeps what was worked out from it, keeps this as well.
    _version: object | None = None

    # Reading must cost what a dict's does, so nothing here overrides how it is read.

    def __init__(
        self, root_path: str | os.PathLike[str], defaults: dict[str, Any] | None = None
    ) -> None:
        super().__init__(defaults or {})
        self.root_path = root_path
        self._version = object()

    __setitem__ = _noting(dict.__setitem__)
    __delitem__ = _noting(dict.__delitem__)
    __ior__ = _noting(dict.__ior__)
    clear = _noting(dict.clear)
    pop = _noting(dict.pop)
    popitem = _noting(dict.popitem)
    setdefault = _noting(dict.setdefault)
    update = _noting(dict.update)

    def from_envvar(self, variable_name: str, silent: bool = False) -> bool:
        """Take the Python file that an environment variable names; say whether it was taken.

        silent: False instead of RuntimeError if the variable is not set or empty, and instead
        of OSError if there is no such file.
        """
        filename = os.environ.get(variable_name)
        if filename:
            return self.from_pyfile(filename, silent=silent)
        if silent:
            return False
        raise RuntimeError(
            f"The variable {variable_name!r} is not set in the environment, so there is no file to"
            f" configure from. Make it the path of a Python file: export"
            f" {variable_name}=/path/to/file"
        )

    def from_prefixed_env(
        self, prefix: str = "FLASK", *, loads: Callable[[str], Any] = json.loads
    ) -> bool:
        """Take the environment variables whose names start with `prefix` and an underscore.

        `FLASK_MAIL__port` sets `config["MAIL"]["port"]`; dicts that are missing are made.
        loads: turns the text into a value; where it raises, the text is the value.
        """
        start = f"{prefix}_"
        for name in sorted(os.environ):
            if not name.startswith(start):
                continue
            text = os.environ[name]
            try:
                value = loads(text)
            except Exception:  # noqa: BLE001  # whatever it raises: the text is no such value
                value = text
            self._set_nested(name, name.removeprefix(start), value)
        return True

    def _set_nested(self, variable: str, path: str, value: Any) -> None:
        """Set the key that a path with double underscores leads to."""
        *outer, last = path.split("__")
        place: Any = self
        for key in outer:
            place = place.setdefault(key, {}) if isinstance(place, dict) else None
        if not isinstance(place, dict):
            raise TypeError(
                f"The environment variable {variable!r} sets a key inside config[{outer[0]!r}],"
                " where something is already that is no dict. Rename the variable, or make that"
                " configuration a dict."
            )
        place[last] = value

    def from_pyfile(self, filename: str | os.PathLike[str], silent: bool = False) -> bool:
        """Run a Python file and take its names in capitals; say whether there was one.

        silent: False instead of OSError if there is no such file.
        """
        path = os.path.join(self.root_path, filename)
        module = ModuleType("config")
        module.__file__ = path
        file = _open(path, "rb", silent)  # bytes: the file's own coding line (PEP 263) holds
        if file is None:
            return False
        with file:
            source = file.read()
        exec(compile(source, path, "exec"), module.__dict__)  # noqa: S102  # what it is for
        self.from_object(module)
        return True

    def from_object(self, obj: object | str) -> None:
        """Take the attributes in capitals of a module, class or instance, or of an import name.

        Attributes of a class that is given are read as they are: instantiate it first if it
        has properties.
        """
        if isinstance(obj, str):
            obj = import_string(obj)
        for key in dir(obj):
            if key.isupper():
                self[key] = getattr(obj, key)

    def from_file(
        self,
        filename: str | os.PathLike[str],
        load: Callable[[IO[Any]], Mapping[str, Any]],
        silent: bool = False,
        text: bool = True,
    ) -> bool:
        """Take the keys in capitals that `load` reads from a file; say whether there was one.

        text: whether `load` takes a text file (json.load) or a binary one (tomllib.load).
        silent: False instead of OSError if there is no such file.
        """
        path = os.path.join(self.root_path, filename)
        file = _open(path, "r" if text else "rb", silent)
        if file is None:
            return False
        with file:
            values = load(file)
        return self.from_mapping(values)

    def from_mapping(self, mapping: Mapping[str, Any] | None = None, **kwargs: Any) -> bool:
        """Take the keys in capitals of a mapping, then of the keywords. Returns True."""
        given = dict(mapping or {}, **kwargs)
        self.update((key, value) for key, value in given.items() if key.isupper())
        return True

    def get_namespace(
        self, namespace: str, lowercase: bool = True, trim_namespace: bool = True
    ) -> dict[str, Any]:
        """Return the keys that start with `namespace` as a new dict.

        lowercase: give them in lower case. trim_namespace: give them without the namespace.
        """
        start = len(namespace) if trim_namespace else 0
        return {
            key[start:].lower() if lowercase else key[start:]: value
            for key, value in self.items()
            if key.startswith(namespace)
        }

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {dict.__repr__(self)}>"


def _open(path: str, mode: str, silent: bool) -> IO[Any] | None:
    """Open a configuration file; None if it is not there and `silent` says to bear that."""
    try:
        return open(path, mode)  # the caller closes it
    except OSError as error:
        if silent and error.errno in NO_SUCH_FILE:
            return None
        error.strerror = f"Unable to load configuration file ({error.strerror})"
        raise


lend_names(globals())
