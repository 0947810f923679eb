"""Runs the blocks of a page of the manual, as a reader would who types them in one after the other.

    python run_page.py PAGE flask|kolben

The language of a fenced block says what is done with it, wherever it stands, in an HTML comment
as well:

- `python` runs, in a namespace that all blocks of the page share;
- `text` after it must be what it printed; `...` and `…` stand for anything;
- `console` holds commands after `$ `, each of which must print the lines below it;
- a file name after the language (```html templates/user.html) has the block written to that file;
- all others are only to be looked at.

The second argument is the package that the blocks import from: `from flask import ...` is read as
`from kolben import ...` if it says so. The working directory is where the page's files go.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import linecache
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

FENCE = re.compile(r"```(\w+)(?: (\S+))?")
IMPORT = re.compile(r"^(\s*)(?:from flask import|import flask$)", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block: the line it begins after, and its text."""

    language: str
    file: str | None
    line: int
    text: str


def read_blocks(page: str) -> Iterator[Block]:
    """Yield the fenced blocks of a page."""
    opened: tuple[int, re.Match[str]] | None = None
    lines = page.splitlines(keepends=True)
    for number, line in enumerate(lines, start=1):
        if opened is None:
            fence = FENCE.fullmatch(line.strip())
            opened = (number, fence) if fence else None
        elif line.strip() == "```":
            start, fence = opened
            yield Block(fence[1], fence[2], start, "".join(lines[start : number - 1]))
            opened = None


def import_from(package: str, code: str) -> str:
    """Let code import from kolben, if that is wanted, what it imports from flask."""
    if package == "flask":
        return code
    return IMPORT.sub(
        lambda found: (
            found[0].replace("import flask", "import kolben as flask")
            if "import flask" in found[0]
            else found[0].replace("from flask", "from kolben")
        ),
        code,
    )


class Reader:
    """Someone who goes through a page; says at which line it is wrong."""

    def __init__(self, page: Path, package: str) -> None:
        self.page = page
        self.package = package
        self.printed = ""
        # A file of its own in the working directory: templates are looked for beside it.
        self.module = ModuleType("page")
        self.module.__file__ = os.path.abspath("page.py")
        sys.modules["page"] = self.module

    def read(self) -> None:
        """Do what each block says."""
        text = self.page.read_text("utf-8")
        linecache.cache[str(self.page)] = (len(text), None, text.splitlines(True), str(self.page))
        for block in read_blocks(text):
            if block.file is not None:
                self.write(block)
            elif block.language == "python":
                self.run(block)
            elif block.language == "text":
                self.compare(block.line, block.text, self.printed)
            elif block.language == "console":
                self.type_in(block)

    def write(self, block: Block) -> None:
        """Write a file that the page shows."""
        file = Path(block.file or "")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(import_from(self.package, block.text), "utf-8")

    def run(self, block: Block) -> None:
        """Run a block; its tracebacks name the lines of the page."""
        code = "\n" * block.line + import_from(self.package, block.text)
        with contextlib.redirect_stdout(io.StringIO()) as output:
            exec(compile(code, str(self.page), "exec"), vars(self.module))
        self.printed = output.getvalue()

    def type_in(self, block: Block) -> None:
        """Run the commands of a block with the programs of this environment."""
        path = os.pathsep.join((os.path.dirname(sys.executable), os.environ["PATH"]))
        for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
            command, _, wanted = part.partition("\n")
            done = subprocess.run(
                command,
                shell=True,
                env={**os.environ, "PATH": path},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=60,
                check=False,
            )
            self.compare(block.line, wanted, done.stdout)

    def compare(self, line: int, wanted: str, printed: str) -> None:
        """Fail unless that was printed; space at the ends of lines does not count."""
        wanted, printed = (
            "".join(f"{line.rstrip()}\n" for line in text.strip().splitlines())
            for text in (wanted.replace("…", "..."), printed)
        )
        if not doctest.OutputChecker().check_output(wanted, printed, doctest.ELLIPSIS):
            sys.exit(f"{self.page}:{line}: the page says\n\n{wanted}\nbut it is\n\n{printed}")


if __name__ == "__main__":
    import kolben.drop_in  # noqa: F401  # first, so that the page's `flask` is Kolben

    sys.path[0] = os.getcwd()
    Reader(Path(sys.argv[1]), sys.argv[2]).read()
