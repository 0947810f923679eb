"""The fixture files, copied to a fresh directory with a fixed time of change."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

#: 2023-11-14 22:13:20 UTC: far enough from now never to be taken for a time that is relative.
CHANGED_AT = 1_700_000_000

_SOURCE = Path(__file__).parent / "fixture"


def _copy() -> Path:
    """Copy the fixture; git keeps no times, and a time of change is half of an ETag."""
    root = Path(tempfile.mkdtemp(prefix="differential-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    place = root / "fixture"
    shutil.copytree(_SOURCE, place)
    (root / "outside.txt").write_bytes(b"outside the fixture\n")
    static = place / "static"
    (static / "big.bin").write_bytes(bytes(range(256)) * 40)
    (static / "empty.txt").write_bytes(b"")
    for name in ("caf\u00e9.txt", "with space.txt", "a#b?c.txt", "percent%41.txt"):
        (static / name).write_bytes(f"this is {name}\n".encode())
    for path in [*root.rglob("*"), root]:
        os.utime(path, (CHANGED_AT, CHANGED_AT))
    return place


FIXTURE = _copy()
STATIC = FIXTURE / "static"
TEMPLATES = FIXTURE / "templates"
