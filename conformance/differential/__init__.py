"""The same requests to the same apps on real Flask and on Kolben: every answer must be equal."""

from __future__ import annotations
