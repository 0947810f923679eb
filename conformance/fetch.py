"""Fetch an upstream suite's sdist from the package index and lay out its tests."""

from __future__ import annotations

import hashlib
import shutil
import tarfile
from pathlib import Path

from conformance.environment import bare_environment
from conformance.suites import WORK, ConformanceError, Suite

# What pytest reads at the root of an sdist. The package's own source stays away, so that
# the installed package is the one that is tested; where its tests are inside, it comes along.
_KEPT_AT_ROOT = ("tests", "pyproject.toml", "setup.cfg", "tox.ini", "pytest.ini", "conftest.py")


def suite_folder(suite: Suite) -> Path:
    """Return a fresh folder with the suite's tests, fetching the sdist if it is not here yet."""
    folder = WORK / "suites" / f"{suite.name}-{suite.version}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    _unpack(_sdist(suite), folder, suite.tests)
    if not (folder / suite.tests).is_dir():
        raise ConformanceError(
            f"The sdist of {suite.package} {suite.version} holds no folder {suite.tests!r}. "
            f"Pin a version in suites.toml whose sdist has one."
        )
    return folder


def _sdist(suite: Suite) -> Path:
    folder = WORK / "sdists" / f"{suite.package}-{suite.version}"
    if (kept := _with_hash(folder, suite.sha256)) is not None:
        return kept
    folder.mkdir(parents=True, exist_ok=True)
    wanted = folder / "wanted.txt"
    wanted.write_text(f"{suite.package}=={suite.version} --hash=sha256:{suite.sha256}\n", "utf-8")
    # Only this package as an sdist: with ":all:" pip would build the build tools from source
    # too. pip asks the sdist for its metadata, so it needs those tools from the index.
    download = ("-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", suite.package)
    bare_environment().run(*download, "--dest", folder, "-r", wanted)
    if (fetched := _with_hash(folder, suite.sha256)) is None:
        raise ConformanceError(
            f"pip left no sdist of {suite.package} {suite.version} with the sha256 of suites.toml "
            f"in {folder}. Compare the hash with the index."
        )
    return fetched


def _with_hash(folder: Path, sha256: str) -> Path | None:
    for archive in folder.glob("*.tar.gz"):
        if hashlib.sha256(archive.read_bytes()).hexdigest() == sha256:
            return archive
    return None


def _unpack(archive: Path, folder: Path, tests: str) -> None:
    """Unpack what pytest needs, without the archive's first path part; tests: where they are."""
    kept = (*_KEPT_AT_ROOT, tests.partition("/")[0])
    root = folder.resolve()
    with tarfile.open(archive) as opened:
        for member in opened.getmembers():
            _, _, inner = member.name.partition("/")
            target = (root / inner).resolve()
            # SECURITY: nothing leads out of the folder, as no link is unpacked. The filter that
            # tarfile has for this is in no Python before 3.11.4.
            is_wanted = inner.split("/")[0] in kept and target.is_relative_to(root)
            content = opened.extractfile(member) if is_wanted and member.isfile() else None
            if content is not None:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content.read())
