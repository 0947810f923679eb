"""What may be asked, answered and signed up with: the same rules for forms, API and hook."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from board.text import clean

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{2,23}", re.ASCII | re.IGNORECASE)
TAG = re.compile(r"[a-z0-9][a-z0-9.+-]{0,23}", re.ASCII)

TITLE_LENGTHS = (10, 150)
BODY_LENGTHS = (20, 20_000)
ANSWER_LENGTHS = (10, 20_000)
ABOUT_LENGTHS = (0, 1_000)
PASSWORD_LENGTHS = (10, 200)
MOST_TAGS = 5


@dataclass(slots=True)
class Draft:
    """A question on its way in; `problems` names each field that cannot stay as it is."""

    title: str
    body: str
    tags: list[str]
    problems: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, title: str, body: str, tags: str) -> Draft:
        """Check a question; tags are separated by spaces or commas."""
        draft = cls(" ".join(clean(title).split()), clean(body), split_tags(tags))
        check_length(draft.problems, "title", draft.title, TITLE_LENGTHS)
        check_length(draft.problems, "body", draft.body, BODY_LENGTHS)
        wrong = [tag for tag in draft.tags if not TAG.fullmatch(tag)]
        if wrong:
            draft.problems["tags"] = (
                f"{wrong[0]!r} cannot be a tag: use letters, digits, '.', '+' and '-',"
                " 24 characters at most."
            )
        elif not 1 <= len(draft.tags) <= MOST_TAGS:
            draft.problems["tags"] = f"Give one to {MOST_TAGS} tags, not {len(draft.tags)}."
        return draft


def split_tags(text: str) -> list[str]:
    """Take tags apart, each once, in the order given."""
    return list(dict.fromkeys(clean(text).lower().replace(",", " ").split()))


def check_length(problems: dict[str, str], name: str, text: str, lengths: tuple[int, int]) -> None:
    """Note a problem if the text has fewer or more characters than allowed."""
    least, most = lengths
    if len(text) < least:
        problems[name] = f"Write at least {least} characters; these are {len(text)}."
    elif len(text) > most:
        problems[name] = f"Write at most {most} characters; these are {len(text)}."


def check_answer(text: str) -> tuple[str, dict[str, str]]:
    """Give the answer as it will be stored, and its problems."""
    body, problems = clean(text), {}
    check_length(problems, "body", body, ANSWER_LENGTHS)
    return body, problems


def check_about(text: str) -> tuple[str, dict[str, str]]:
    """Give a profile text as it will be stored, and its problems."""
    about, problems = clean(text), {}
    check_length(problems, "about", about, ABOUT_LENGTHS)
    return about, problems


def check_sign_up(form: Mapping[str, str]) -> dict[str, str]:
    """Give the problems of a new account's name and password."""
    problems: dict[str, str] = {}
    if not NAME.fullmatch(form.get("name", "")):
        problems["name"] = (
            "Use 3 to 24 letters, digits, '-' and '_'; begin with a letter or a digit."
        )
    check_length(problems, "password", form.get("password", ""), PASSWORD_LENGTHS)
    if form.get("password") != form.get("password_again"):
        problems["password_again"] = "The two passwords are not the same."
    return problems
