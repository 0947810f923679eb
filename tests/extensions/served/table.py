"""The table of the matrix, as the command prints it and `docs/extensions.md` shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from conformance.suites import CHECKOUT
from tests.extensions.served.ways import COMMANDS, SERVERS

PAGE = CHECKOUT / "docs" / "extensions.md"
BEGIN = "<!-- the matrix: python -m tests.extensions.served --write -->"
END = "<!-- the end of the matrix -->"
WAYS = tuple(way.name for way in (*SERVERS, *COMMANDS))


@dataclass
class Row:
    """One extension. expected: answers of the real Flask; cells: whether a way gave the same."""

    extension: str
    shows: str
    expected: int = 0
    cells: dict[str, bool] = field(default_factory=dict)

    @property
    def is_well(self) -> bool:
        """Whether it was asked in some way, and no answer differs."""
        return bool(self.cells) and all(self.cells.values())


def format_table(rows: Sequence[Row]) -> str:
    """Lay the rows out as Markdown."""
    marks = {True: "same", False: "**differs**", None: "not asked"}
    lines = [
        f"| extension | what is asked | answers | {' | '.join(WAYS)} |",
        f"|---|---|---|{'---|' * len(WAYS)}",
    ]
    for row in rows:
        cells = [marks[row.cells.get(way)] for way in WAYS]
        lines.append(f"| {row.extension} | {row.shows} | {row.expected} | {' | '.join(cells)} |")
    return "\n".join(lines)


def rows_of_page() -> dict[str, str]:
    """Return the lines of the page's table by the names of their extensions."""
    table = PAGE.read_text("utf-8").partition(BEGIN)[2].partition(END)[0]
    lines = table.strip().splitlines()[2:]
    return {line.split("|")[1].split()[0]: line for line in lines}


def write_page(rows: Sequence[Row], packages: Sequence[str]) -> None:
    """Put rows into the page; those of other extensions stay, as far as they are in the matrix.

    packages: all of the matrix.
    """
    before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    head, rule, *lines = format_table(rows).splitlines()
    kept = rows_of_page() | {
        row.extension.split()[0]: line for row, line in zip(rows, lines, strict=True)
    }
    table = "\n".join([head, rule, *(kept[name] for name in sorted(packages) if name in kept)])
    PAGE.write_text(f"{before}{BEGIN}\n\n{table}\n\n{END}{after}", "utf-8")
