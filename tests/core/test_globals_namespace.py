"""`g` is a plain object with a few of a dict's methods."""

from __future__ import annotations

import pytest

from kolben import Flask
from kolben.core.globals_namespace import _AppCtxGlobals


def test_attributes() -> None:
    g = _AppCtxGlobals()
    g.a = 1
    assert g.a == 1
    assert "a" in g
    assert list(g) == ["a"]
    del g.a
    assert not hasattr(g, "a")
    with pytest.raises(AttributeError, match="'a'"):
        del g.a
    with pytest.raises(AttributeError, match="nothing set it"):
        g.a  # noqa: B018  # reading raises


def test_methods_of_a_dict() -> None:
    g = _AppCtxGlobals()
    assert g.get("a") is None
    assert g.get("a", 2) == 2
    assert g.setdefault("a", 3) == 3
    assert g.setdefault("a", 4) == 3
    assert g.pop("a") == 3
    assert g.pop("a", 5) == 5
    with pytest.raises(KeyError):
        g.pop("a")


def test_it_says_whose_it_is() -> None:
    assert "_AppCtxGlobals object" in repr(_AppCtxGlobals())
    with Flask("thing").app_context() as context:
        assert repr(context.g) == "<flask.g of 'thing'>"
