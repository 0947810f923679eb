"""Node ids that are the same in every run: for the runner, and for its plugin inside of pytest."""

from __future__ import annotations

import re

# Python's repr of an object puts its address in a node id: another one in every run.
_ADDRESS = re.compile(r"\b0x[0-9a-f]{6,}\b")


def stable_id(nodeid: str) -> str:
    """Return the node id without what differs from run to run."""
    return _ADDRESS.sub("0x_", nodeid).replace("\\", "/")
