"""Environments as users have them: extensions, the real Flask they require, and Kolben answering.

Kept between runs: one is built anew when what it holds changes. `python -m tests.user_environment`
builds it, and prints the path of its Python.
"""

from __future__ import annotations

import fcntl
import hashlib
import platform
import shutil
import sys
import venv

from conformance.environment import Environment
from conformance.suites import CHECKOUT, WORK, ConformanceError
from tests.services import give_up

# The one place that says what the tests of the ten questions need besides `kolben[test]`.
PACKAGES = (
    "flask==3.1.3",
    "flask-sqlalchemy==3.1.1",
    "sqlalchemy==2.1.9",
    "psycopg[binary]>=3.2",
    "pymysql>=1.1",
    "gunicorn[gevent]>=23",
    "debugpy>=1.8",
)

# Each is what some users have: pip installs the newest, apps from before it stay with the other.
SQLALCHEMIES = ("2.0.58", "2.1.9")


def environment_with_sqlalchemy(version: str) -> Environment:
    """Return the users' environment with one of SQLALCHEMIES."""
    wanted = f"sqlalchemy=={version}"
    if wanted in PACKAGES:
        return user_environment()
    others = tuple(package for package in PACKAGES if not package.startswith("sqlalchemy=="))
    return user_environment("user-old-sqlalchemy", (*others, wanted))


def user_environment(
    name: str = "user", packages: tuple[str, ...] = PACKAGES, without: tuple[str, ...] = ()
) -> Environment:
    """Return an environment; where pip cannot build it, give the test up.

    without: packages to take out again that the others require.
    """
    try:
        return build(name, packages, without)
    except ConformanceError as error:
        give_up(f"The environment of the users' extensions cannot be built: {error}")


def build(
    name: str = "user", packages: tuple[str, ...] = PACKAGES, without: tuple[str, ...] = ()
) -> Environment:
    """Build an environment unless it is there; one process does, and others wait for it."""
    environment = Environment(WORK / "environments" / f"{name}-{_fingerprint(packages, without)}")
    environment.folder.parent.mkdir(parents=True, exist_ok=True)
    ready = environment.folder / "ready"
    with (environment.folder.parent / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            for outdated in environment.folder.parent.glob(f"{name}-" + "[0-9a-f]" * 12):
                shutil.rmtree(outdated)
            venv.EnvBuilder(symlinks=True, with_pip=True).create(environment.folder)
            pip = ("-m", "pip", "--disable-pip-version-check")
            environment.run(*pip, "install", "--quiet", *packages, "--editable", CHECKOUT)
            if without:
                environment.run(*pip, "uninstall", "--quiet", "--yes", *without)
            ready.touch()
    environment.run("-m", "kolben", "drop-in", "enable")
    return environment


def _fingerprint(packages: tuple[str, ...], without: tuple[str, ...]) -> str:
    project = (CHECKOUT / "pyproject.toml").read_text("utf-8")
    parts = (
        *(platform.python_version(), sys.base_prefix, str(CHECKOUT), project),
        *packages,
        *(f"not {package}" for package in without),
    )
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


if __name__ == "__main__":
    print(*build().command())
