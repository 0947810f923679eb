"""The classes of requests and responses, under the name of Flask's module for them."""

from __future__ import annotations

from kolben.core.request import Request as Request
from kolben.core.response import Response as Response
from kolben.flask_names import lend_names

lend_names(globals())
