"""Marks of tests that ask for what CPython does and PyPy does in another way."""

from __future__ import annotations

import sys

import pytest

IS_PYPY = sys.implementation.name == "pypy"

counts_references = pytest.mark.skipif(
    IS_PYPY, reason="PyPy frees objects when it next collects, not with their last reference"
)
finds_connections = pytest.mark.skipif(
    IS_PYPY, reason="on PyPy, which Granian does not run on, no connection is looked for"
)
