"""Questions: list, search, ask, vote, accept, hide, delete."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from board.database import connection, timestamp

# The greatest number SQLite can compare with; a greater one in a URL belongs to nothing.
GREATEST_ID = 2**63 - 1

ORDERS = {
    "newest": "asked_at DESC, id DESC",
    "votes": "votes DESC, asked_at DESC, id DESC",
    "unanswered": "asked_at DESC, id DESC",
}


@dataclass(frozen=True, slots=True)
class Question:
    """A question as its list entry and its page show it."""

    id: int
    author_id: int
    title: str
    body: str
    asked_at: str
    hidden: bool
    accepted_answer_id: int | None
    author: str
    votes: int
    answer_count: int
    tags: list[str]


@dataclass(frozen=True, slots=True)
class Search:
    """What a list of questions is to contain; the empty one takes all that is public."""

    words: str = ""
    tag: str = ""
    author_id: int | None = None
    sort: str = "newest"
    with_hidden: bool = False

    def condition(self) -> tuple[str, list[Any]]:
        """Give the WHERE clause and the values for its question marks."""
        clauses, values = ["1"], []
        if not self.with_hidden:
            clauses.append("NOT hidden")
        if self.sort == "unanswered":
            clauses.append("answer_count = 0")
        if self.author_id is not None:
            clauses.append("author_id = ?")
            values.append(self.author_id)
        if self.tag:
            clauses.append("id IN (SELECT question_id FROM question_tags WHERE tag = ?)")
            values.append(self.tag)
        for word in self.words.split()[:8]:
            clauses.append(
                "(title LIKE ? ESCAPE '!' OR body LIKE ? ESCAPE '!' OR id IN"
                " (SELECT question_id FROM answers WHERE body LIKE ? ESCAPE '!'))"
            )
            values += [_pattern(word)] * 3
        return " AND ".join(clauses), values


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list; `number` counts from 1."""

    items: list[Question]
    number: int
    count: int
    total: int


def find(question_id: int, *, with_hidden: bool = False) -> Question | None:
    """Find a question; a hidden one only if asked to."""
    if question_id > GREATEST_ID:
        return None
    row = (
        connection().execute("SELECT * FROM question_cards WHERE id = ?", (question_id,)).fetchone()
    )
    question = _question(row) if row else None
    return question if question and (with_hidden or not question.hidden) else None


def page(search: Search, number: int, per_page: int) -> Page | None:
    """Give one page of what the search finds; None past the end."""
    condition, values = search.condition()
    total: int = (
        connection()
        .execute(f"SELECT count(*) FROM question_cards WHERE {condition}", values)  # noqa: S608  # ours
        .fetchone()[0]
    )
    count = max(1, -(-total // per_page))
    if not 1 <= number <= count:
        return None
    rows = connection().execute(
        f"SELECT * FROM question_cards WHERE {condition}"  # noqa: S608  # our own words
        f" ORDER BY {ORDERS[search.sort]} LIMIT ? OFFSET ?",
        [*values, per_page, (number - 1) * per_page],
    )
    return Page([_question(row) for row in rows], number, count, total)


def add(
    author_id: int, title: str, body: str, tags: Iterable[str], asked_at: str | None = None
) -> int:
    """Add a question and give its number."""
    cursor = connection().execute(
        "INSERT INTO questions (author_id, title, body, asked_at) VALUES (?, ?, ?, ?)",
        (author_id, title, body, asked_at or timestamp()),
    )
    question_id = cursor.lastrowid or 0
    connection().executemany(
        "INSERT INTO question_tags (question_id, tag) VALUES (?, ?)",
        [(question_id, tag) for tag in sorted(set(tags))],
    )
    return question_id


def has_title(title: str) -> bool:
    """Tell whether a question with exactly this title exists."""
    found = connection().execute("SELECT 1 FROM questions WHERE title = ?", (title,)).fetchone()
    return found is not None


def toggle_vote(question_id: int, account_id: int) -> bool:
    """Give the account's vote, or take it back; true if it was given."""
    database = connection()
    vote = (question_id, account_id)
    taken = database.execute(
        "DELETE FROM question_votes WHERE question_id = ? AND user_id = ?", vote
    )
    if taken.rowcount:
        return False
    database.execute("INSERT INTO question_votes (question_id, user_id) VALUES (?, ?)", vote)
    return True


def has_vote(question_id: int, account_id: int) -> bool:
    """Tell whether the account voted for the question."""
    found = connection().execute(
        "SELECT 1 FROM question_votes WHERE question_id = ? AND user_id = ?",
        (question_id, account_id),
    )
    return found.fetchone() is not None


def accept(question_id: int, answer_id: int | None) -> None:
    """Mark the answer that solved it; None takes the mark away."""
    connection().execute(
        "UPDATE questions SET accepted_answer_id = ? WHERE id = ?", (answer_id, question_id)
    )


def set_hidden(question_id: int, *, hidden: bool) -> None:
    """Take a question out of the public's sight, or put it back."""
    connection().execute("UPDATE questions SET hidden = ? WHERE id = ?", (hidden, question_id))


def delete(question_id: int) -> None:
    """Delete a question with its answers and votes, for good."""
    connection().execute("DELETE FROM questions WHERE id = ?", (question_id,))


def tag_counts(limit: int = -1) -> list[tuple[str, int]]:
    """List the tags of public questions, the most used first; -1 lists all."""
    rows = connection().execute(
        "SELECT tag, count(*) AS uses FROM question_tags"
        " JOIN questions ON questions.id = question_id AND NOT hidden"
        " GROUP BY tag ORDER BY uses DESC, tag LIMIT ?",
        (limit,),
    )
    return [(tag, uses) for tag, uses in rows]


def _question(row: sqlite3.Row) -> Question:
    values = dict(row)
    values["tags"] = (values["tags"] or "").split()
    values["hidden"] = bool(values["hidden"])
    return Question(**values)


def _pattern(word: str) -> str:
    for special in "!%_":
        word = word.replace(special, f"!{special}")
    return f"%{word}%"
