"""The command `python -m conformance names`: Flask's names, compared with what answers here."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from conformance.environment import Variant, suite_environment
from conformance.names.table import (
    TABLE,
    ask_flask,
    differences,
    inert_names,
    inert_text,
    lent_names,
    text_of,
)
from conformance.suites import load_suites


def main(argv: Sequence[str]) -> int:
    """Compare, or write the table; 1 if something differs."""
    parser = argparse.ArgumentParser(prog="python -m conformance names", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the table of lent names")
    parser.add_argument("--inert", action="store_true", help="list what a patch does not reach")
    arguments = parser.parse_args(argv)
    suite = load_suites()["flask"]
    answer = ask_flask(suite_environment(suite, Variant.BASELINE))
    if arguments.inert:
        print(inert_text(inert_names(answer)), end="")
        return 0
    text = text_of(lent_names(answer["names"]), suite.flask_version)
    if arguments.write:
        TABLE.write_text(text, "utf-8")
        return 0
    found = differences(answer)
    if TABLE.read_text("utf-8") != text:
        found.append(f"{TABLE.name} is not of this Flask: python -m conformance names --write")
    print("\n".join([*found, f"{sum(map(len, answer['names'].values()))} names compared."]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
