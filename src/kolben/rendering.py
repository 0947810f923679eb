"""Jinja's environment, templates and variables: the same, in less time.

Each does what Jinja's class does that it stands for; what is rare is left to that.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Mapping, MutableMapping
from types import CodeType, FunctionType, MethodType, SimpleNamespace
from typing import Any, NoReturn

import markupsafe
from jinja2 import Environment as BaseEnvironment
from jinja2 import Template as BaseTemplate
from jinja2.environment import TemplateModule
from jinja2.nodes import EvalContext
from jinja2.runtime import Context as BaseContext
from jinja2.runtime import Macro, new_context
from jinja2.utils import LRUCache, internalcode
from markupsafe import Markup, escape

_escape_text: Callable[[str], str] | None = getattr(markupsafe, "_escape_inner", None)
# What `dict.name` means in a template, whatever the keys are.
_OF_DICTS = frozenset(dir(dict))
# What Context.__init__ of Jinja 3.1 sets. Where it sets something else, it is called.
_is_known = vars(BaseContext(SimpleNamespace(autoescape=False), {}, None, {})).keys() == {  # type: ignore[arg-type]  # all that is asked of it
    "blocks",
    "environment",
    "eval_ctx",
    "exported_vars",
    "globals_keys",
    "name",
    "parent",
    "vars",
}


class Context(BaseContext):
    """The variables of a rendering."""

    @internalcode
    def call(self, called: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Call what a template calls; what is marked to be given a context is given it."""
        # PERF: few look-ups for what is called most: 0.2 us instead of 0.8 us, a macro 0.9 us
        # instead of 1.5 us (benchmarks/shortcuts.py).
        kind = type(called)
        if kind is Macro:
            args = (self.eval_ctx, *args)
        else:
            function = called.__func__ if kind is MethodType else called
            if type(function) is not FunctionType or hasattr(function, "jinja_pass_arg"):
                return super().call(called, *args, **kwargs)
        kwargs.pop("_block_vars", None)
        kwargs.pop("_loop_vars", None)
        try:
            return called(*args, **kwargs)
        except StopIteration:
            return super().call(_stop)


def _stop() -> NoReturn:
    """Raise what Jinja has an undefined value for."""
    raise StopIteration


class Template(BaseTemplate):
    """A compiled template."""

    @classmethod
    def from_code(
        cls,
        environment: BaseEnvironment,
        code: CodeType,
        globals: MutableMapping[str, Any],  # noqa: A002  # Jinja's name
        uptodate: Callable[[], bool] | None = None,
    ) -> BaseTemplate:
        """Make a template of compiled code."""
        template = super().from_code(environment, code, globals, uptodate)
        if _escape_text is not None:
            template.root_render_func.__globals__["escape"] = _escape
        return template

    def new_context(
        self,
        vars: dict[str, Any] | None = None,  # noqa: A002  # Jinja's name
        shared: bool = False,
        locals: Mapping[str, Any] | None = None,  # noqa: A002  # Jinja's name
    ) -> BaseContext:
        """Make the variables of a rendering: those given, and the globals.

        shared: `vars` has all already, as in an include.
        """
        environment = self.environment
        known = _flat(self.globals)
        if environment.context_class is not Context or vars is None or locals or not _is_known:
            return new_context(environment, self.name, self.blocks, vars, shared, known, locals)
        # PERF: set what __init__ would, and go through the globals once: 1.1 us instead of 5.9 us
        # (benchmarks/shortcuts.py).
        context = Context.__new__(Context)
        context.parent = vars if shared else dict(known, **vars)
        context.vars = {}
        context.environment = environment
        context.eval_ctx = EvalContext(environment, self.name)
        context.exported_vars = set()
        context.name = self.name
        context.globals_keys = set(known)
        blocks = self.blocks
        context.blocks = {name: [block] for name, block in blocks.items()} if blocks else {}
        return context

    @internalcode
    def _get_default_module(self, ctx: BaseContext | None = None) -> TemplateModule:
        # PERF: a template whose globals are those of the one that imports it: 0.4 us instead of
        # 4.5 us (benchmarks/shortcuts.py).
        module = self._module
        if (
            module is not None
            and ctx is not None
            and ctx.globals_keys <= _flat(self.globals).keys()
            and not self.environment.is_async
        ):
            return module
        return super()._get_default_module(ctx)


def _flat(known: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Return globals as a dict, only to be read, and at once: a ChainMap is slow."""
    if type(known) is not ChainMap or len(known.maps) != 2:
        return known
    of_template, of_environment = known.maps
    if type(of_environment) is not dict:
        return known
    return {**of_environment, **of_template} if of_template else of_environment


_new_text = str.__new__


@internalcode
def _escape(value: Any) -> Markup:
    """Do what markupsafe.escape() does.

    PERF: for a text 0.2 us instead of 0.4 us (benchmarks/shortcuts.py).
    """
    if type(value) is str:
        return _new_text(Markup, _escape_text(value))  # type: ignore[misc]  # it is there
    return escape(value)


class TemplateCache(LRUCache):
    """The templates that were loaded, and those of them that were asked for again.

    again: by name. Forgotten with each change, so that the order of the others stays known.
    """

    def __init__(self, capacity: int) -> None:
        super().__init__(capacity)
        self.again: dict[str, BaseTemplate] = {}

    def clear(self) -> None:
        """Forget all templates."""
        super().clear()
        self.again = {}

    def __setitem__(self, key: Any, template: Any) -> None:
        super().__setitem__(key, template)
        self.again = {}

    def __delitem__(self, key: Any) -> None:
        super().__delitem__(key)
        self.again = {}


class QuickEnvironment(BaseEnvironment):
    """A Jinja environment whose templates take less time.

    SECURITY: where a class that is mixed in comes after this one (Jinja's sandbox), all is left
    to that.
    """

    context_class = Context
    template_class = Template
    _is_quick = True
    _keeps_templates = True

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        order = cls.__mro__
        cls._is_quick = order[order.index(QuickEnvironment) + 1] is BaseEnvironment
        loads_as_jinja = cls._load_template is BaseEnvironment._load_template
        cls._keeps_templates = cls._is_quick and loads_as_jinja
        if not cls._is_quick:
            for name in ("context_class", "template_class"):
                if getattr(cls, name) is getattr(QuickEnvironment, name):
                    setattr(cls, name, getattr(super(), name))

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "cache" and type(value) is LRUCache and not len(value):
            value = TemplateCache(value.capacity)
        super().__setattr__(name, value)
        if name == "loader" and type(self.__dict__.get("cache")) is TemplateCache:
            self.cache.again = {}  # type: ignore[union-attr]  # as was just seen

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return an attribute, or else an item; an undefined value if there is neither."""
        if not self._is_quick:
            return super().getattr(obj, attribute)
        # PERF: no AttributeError first for what is no attribute of a dict: 0.1 us instead of
        # 0.6 us (benchmarks/shortcuts.py).
        if type(obj) is dict and attribute in obj and attribute not in _OF_DICTS:
            return obj[attribute]
        try:
            return getattr(obj, attribute)
        except AttributeError:
            pass
        try:
            return obj[attribute]
        except (TypeError, LookupError, AttributeError):
            return self.undefined(obj=obj, name=attribute)

    @internalcode
    def get_template(
        self,
        name: str | BaseTemplate,
        parent: str | None = None,
        globals: MutableMapping[str, Any] | None = None,  # noqa: A002  # Jinja's name
    ) -> BaseTemplate:
        """Load a template; TemplateNotFound if there is none."""
        cache: Any = self.cache
        if (
            type(cache) is not TemplateCache
            or type(name) is not str
            or globals
            or self.auto_reload
            or not self._keeps_templates
        ):
            return super().get_template(name, parent, globals)
        if parent is not None:
            name = self.join_path(name, parent)
        # PERF: one look-up, without the lock and the order of the cache: 0.2 us instead of 0.7 us
        # (benchmarks/shortcuts.py).
        again = cache.again
        template = again.get(name)
        if template is None:
            template = again[name] = super().get_template(name)
        return template
