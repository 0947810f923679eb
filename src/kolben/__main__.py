"""Runs the `kolben` command: `kolben …`, `python -m kolben …`, `python -m flask …`."""

from __future__ import annotations

from kolben.cli import main

if __name__ == "__main__":
    main()
