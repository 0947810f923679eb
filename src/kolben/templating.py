"""Templates: Jinja's environment for an app, and the functions that render."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from jinja2 import BaseLoader, Template, TemplateNotFound
from jinja2 import Environment as BaseEnvironment

from kolben.core.current import find_context, the_app
from kolben.core.hooks import WatchedDict
from kolben.core.proxies import g, request, session
from kolben.debughelpers import explain_template_loading_attempts
from kolben.flashing import get_flashed_messages
from kolben.flask_names import lend_names
from kolben.rendering import QuickEnvironment
from kolben.signals import before_render_template, template_rendered
from kolben.streaming import stream_with_context
from kolben.string_templates import StringTemplates
from kolben.template_context import (
    _default_template_ctx_processor as _default_template_ctx_processor,
)
from kolben.template_context import update_template_context as update_template_context
from kolben.typing import App

# What a loader returns: the source, its file's name, and whether that is still up to date.
Source = tuple[str, str | None, Callable[[], bool] | None]

# The tables of an environment that templates are compiled from.
WATCHED = frozenset({"extensions", "filters", "policies", "tests"})


class Environment(QuickEnvironment):
    """A Jinja environment that finds templates where its app and the blueprints have them."""

    def __init__(self, app: App, **options: Any) -> None:
        if "loader" not in options:
            options["loader"] = app.create_global_jinja_loader()
        super().__init__(**options)
        self.app = app

    def __setattr__(self, name: str, value: Any) -> None:
        # Tables are watched from the start. One that is put in later may be changed by whoever
        # has it, unseen, so strings are then compiled each time.
        if name in WATCHED and "app" not in self.__dict__:
            value = WatchedDict(value, self._forget_strings)
        super().__setattr__(name, value)
        self._forget_strings()

    def _forget_strings(self) -> None:
        self.__dict__.pop("_strings", None)

    def _is_watched(self, table: Any) -> bool:
        """Say whether a table tells this environment (not the one it overlays) of changes."""
        return isinstance(table, WatchedDict) and table.tell == self._forget_strings

    def template_of(self, source: str) -> Template:
        """Return the template of a source, as from_string does, but compiled once."""
        strings: StringTemplates | None = self.__dict__.get("_strings")
        if strings is None or strings.environment is not self:  # an overlay copies attributes
            strings = StringTemplates(self)
            strings.keeps &= all(self._is_watched(getattr(self, name)) for name in WATCHED)
            self.__dict__["_strings"] = strings
        return strings.get(source)


class DispatchingJinjaLoader(BaseLoader):
    """Looks for a template in the app's folder, then in those of its blueprints."""

    def __init__(self, app: App) -> None:
        self.app = app

    def get_source(self, environment: BaseEnvironment, template: str) -> Source:
        """Return the first template of that name; TemplateNotFound if there is none.

        With EXPLAIN_TEMPLATE_LOADING, log where it was looked for.
        """
        if self.app.config["EXPLAIN_TEMPLATE_LOADING"]:
            return self._get_source_explained(environment, template)
        return self._get_source_fast(environment, template)

    def _get_source_fast(self, environment: BaseEnvironment, template: str) -> Source:
        """Return the first template of that name, without asking the loaders after it."""
        for _, loader in self._iter_loaders():
            with suppress(TemplateNotFound):
                return loader.get_source(environment, template)
        raise TemplateNotFound(template)

    def _get_source_explained(self, environment: BaseEnvironment, template: str) -> Source:
        """Ask every loader, also after one had the template, and log what each said."""
        attempts: list[tuple[BaseLoader, Any, Source | None]] = []
        for owner, loader in self._iter_loaders():
            try:
                found: Source | None = loader.get_source(environment, template)
            except TemplateNotFound:
                found = None
            attempts.append((loader, owner, found))
        explain_template_loading_attempts(self.app, template, attempts)
        for _, _, found in attempts:
            if found is not None:
                return found
        raise TemplateNotFound(template)

    def _iter_loaders(self) -> Iterator[tuple[Any, BaseLoader]]:
        """Yield the app and each blueprint that has templates, with its loader."""
        for owner in (self.app, *self.app.iter_blueprints()):
            loader = owner.jinja_loader
            if loader is not None:
                yield owner, loader

    def list_templates(self) -> list[str]:
        """List the names of all templates."""
        return list(
            {name for _, loader in self._iter_loaders() for name in loader.list_templates()}
        )


def create_environment(app: App) -> Any:
    """Make the environment of an app, of its jinja_environment class."""
    options = dict(app.jinja_options)
    options.setdefault("autoescape", app.select_jinja_autoescape)
    if "auto_reload" not in options:
        reload = app.config["TEMPLATES_AUTO_RELOAD"]
        options["auto_reload"] = app.debug if reload is None else reload
    environment = app.jinja_environment(app, **options)
    environment.globals.update(
        url_for=app.url_for,
        get_flashed_messages=get_flashed_messages,
        config=app.config,
        # Also there in imported templates, which do not see the variables of a rendering.
        request=request,
        session=session,
        g=g,
    )
    environment.policies["json.dumps_function"] = app.json.dumps
    return environment


def begin_rendering(app: App, template: Template, context: dict[str, Any]) -> None:
    """Add what the app gives every template to its variables, and say that it is to be rendered."""
    app.update_template_context(context)
    if before_render_template.receivers:
        before_render_template.send(
            app, _async_wrapper=app.ensure_sync, template=template, context=context
        )


def end_rendering(app: App, template: Template, context: dict[str, Any]) -> None:
    """Say that a template was rendered."""
    if template_rendered.receivers:
        template_rendered.send(
            app, _async_wrapper=app.ensure_sync, template=template, context=context
        )


def _render(app: App, template: Template, context: dict[str, Any]) -> str:
    """Render a template in the app's context."""
    begin_rendering(app, template, context)
    text = template.render(context)
    end_rendering(app, template, context)
    return text


def _stream(app: App, template: Template, context: dict[str, Any]) -> Iterator[str]:
    """Render a template piece by piece; the request, if there is one, stays until the end."""
    begin_rendering(app, template, context)

    def pieces() -> Iterator[str]:
        yield from template.generate(context)
        end_rendering(app, template, context)

    active = find_context()
    if active is None or active.request_context is None:
        return pieces()
    return stream_with_context(pieces())


def find_template(app: App, name: str | Template | list[str | Template]) -> Template:
    """Return a template, or the first of several that exists; TemplateNotFound if there is none."""
    return app.jinja_env.get_or_select_template(name)  # type: ignore[no-any-return]  # any class


def template_of_string(app: App, source: str) -> Template:
    """Return the template of a source."""
    environment = app.jinja_env
    if isinstance(environment, Environment):
        return environment.template_of(source)
    return environment.from_string(source)  # type: ignore[no-any-return]  # any class


def render_template(
    template_name_or_list: str | Template | list[str | Template], **context: Any
) -> str:
    """Render a template, or the first of several that exists, with variables."""
    app = the_app()
    return _render(app, find_template(app, template_name_or_list), context)


def render_template_string(source: str, **context: Any) -> str:
    """Render a template that is given as a string, with variables; they are escaped."""
    app = the_app()
    return _render(app, template_of_string(app, source), context)


def stream_template(
    template_name_or_list: str | Template | list[str | Template], **context: Any
) -> Iterator[str]:
    """Render a template piece by piece: an iterator that a view may return."""
    app = the_app()
    return _stream(app, find_template(app, template_name_or_list), context)


def stream_template_string(source: str, **context: Any) -> Iterator[str]:
    """Render a template that is given as a string piece by piece; variables are escaped."""
    app = the_app()
    return _stream(app, template_of_string(app, source), context)


lend_names(globals())
