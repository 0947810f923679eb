#!/usr/bin/env bash
# Flask-SQLAlchemy's models that are dataclasses, on SQLAlchemy 2.1.
#
# Most would guess: Flask-SQLAlchemy 3.1.1, whose requirement is SQLAlchemy 2.0.16 or newer, either
# works on SQLAlchemy 2.1 or fails when it is imported.
# What happens: plain models work. SQLAlchemy(model_class=Base), where Base is of MappedAsDataclass
# and DeclarativeBase, as Flask-SQLAlchemy's manual writes it, raises InvalidRequestError: it derives
# a class of its own from Base, and SQLAlchemy 2.1 takes that for a dataclass of another style.
# Versions: Flask-SQLAlchemy 3.1.1, SQLAlchemy 2.0.58 and 2.1.9, Flask 3.1.3.
# Where it matters: an install without pins gets 2.1; such an app ends at its first line with `db`.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
cd "$folder"
python3 -m venv env
install() { env/bin/pip install --quiet --disable-pip-version-check "$@"; }
install flask==3.1.3 flask-sqlalchemy==3.1.1 sqlalchemy==2.0.58
cat >models.py <<'PY'
from importlib.metadata import version

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import DeclarativeBase, MappedAsDataclass


class Plain(DeclarativeBase):
    pass


class Dataclass(DeclarativeBase, MappedAsDataclass):
    pass


def outcome(base):
    try:
        SQLAlchemy(model_class=base)
    except Exception as error:
        return type(error).__name__
    return "works"


print(f"{version('sqlalchemy')}: plain {outcome(Plain)}, dataclass {outcome(Dataclass)}")
PY
found=$(env/bin/python models.py)
install sqlalchemy==2.1.9
found+=$'\n'$(env/bin/python models.py)
env/bin/pip list --disable-pip-version-check 2>/dev/null | grep -i '^flask'
echo "$found"
expected=$'2.0.58: plain works, dataclass works\n2.1.9: plain works, dataclass InvalidRequestError'
if [ "$found" != "$expected" ]; then
    printf 'This has changed; it was:\n%s\n' "$expected"
    exit 1
fi
echo "On SQLAlchemy 2.1 models that are dataclasses are refused, and plain ones are not."
