"""httpbin, an app written for Flask by others, served on Flask and on Kolben and asked the same."""

from __future__ import annotations
