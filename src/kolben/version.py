"""Which Kolben this is, and which Flask's behaviour it keeps."""

from __future__ import annotations

VERSION = "0.1.0"

# FLASK: extensions branch on it, so it is what `flask.__version__` answers.
FLASK_VERSION = "3.1.3"
