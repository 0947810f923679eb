"""The id of a request, and the trace it belongs to: taken over from its headers, or made.

Rule: an id has printable ASCII alone, whoever sent it; it goes into logs and headers as it stands.
"""

from __future__ import annotations

import os
import re

# Long enough for the ids of all proxies that make some: a UUID has 36 characters, AWS's 35.
LONGEST_ID = 128
_ID = re.compile(rf"[A-Za-z0-9_.:/+=@~-]{{1,{LONGEST_ID}}}")
# W3C Trace Context §3.2: version, trace, parent, flags; later versions may add more.
_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?")


def choose_id(given: str | None) -> str:
    """Return the X-Request-ID that a request came with, if it may be one; else a new one.

    SECURITY: any client can choose it. It is a name for what belongs together in logs, no proof.
    """
    if given is not None and _ID.fullmatch(given):
        return given
    return os.urandom(16).hex()


def read_trace_id(traceparent: str | None) -> str | None:
    """Return the trace that a `traceparent` header names; None without a valid one."""
    found = None if traceparent is None else _TRACEPARENT.fullmatch(traceparent)
    if found is None:
        return None
    version, trace_id, parent_id, more = found.groups()
    if version == "ff" or (version == "00" and more) or not trace_id.strip("0"):
        return None
    return trace_id if parent_id.strip("0") else None
