"""Answers: list, write, vote, delete."""

from __future__ import annotations

from dataclasses import dataclass

from board.database import connection, timestamp
from board.store.questions import GREATEST_ID


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as the page of its question shows it."""

    id: int
    question_id: int
    author_id: int
    body: str
    answered_at: str
    author: str
    votes: int


def find(answer_id: int) -> Answer | None:
    """Find an answer by its number."""
    if answer_id > GREATEST_ID:
        return None
    row = connection().execute("SELECT * FROM answer_cards WHERE id = ?", (answer_id,)).fetchone()
    return Answer(**row) if row else None


def of_question(question_id: int) -> list[Answer]:
    """List a question's answers: the accepted one, then by votes, then the oldest."""
    rows = connection().execute(
        "SELECT answer_cards.* FROM answer_cards JOIN questions ON questions.id = question_id"
        " WHERE question_id = ?"
        " ORDER BY answer_cards.id IS NOT accepted_answer_id, votes DESC, answered_at",
        (question_id,),
    )
    return [Answer(**row) for row in rows]


def latest(question_id: int) -> int:
    """Give the number of a question's newest answer; 0 without any."""
    found: int = (
        connection()
        .execute("SELECT ifnull(max(id), 0) FROM answers WHERE question_id = ?", (question_id,))
        .fetchone()[0]
    )
    return found


def add(question_id: int, author_id: int, body: str, answered_at: str | None = None) -> int:
    """Add an answer and give its number."""
    cursor = connection().execute(
        "INSERT INTO answers (question_id, author_id, body, answered_at) VALUES (?, ?, ?, ?)",
        (question_id, author_id, body, answered_at or timestamp()),
    )
    return cursor.lastrowid or 0


def count_of_author(author_id: int) -> int:
    """Count the answers to public questions that an account has written."""
    found: int = (
        connection()
        .execute(
            "SELECT count(*) FROM answers JOIN questions ON questions.id = question_id"
            " WHERE answers.author_id = ? AND NOT hidden",
            (author_id,),
        )
        .fetchone()[0]
    )
    return found


def toggle_vote(answer_id: int, account_id: int) -> bool:
    """Give the account's vote, or take it back; true if it was given."""
    database = connection()
    vote = (answer_id, account_id)
    taken = database.execute("DELETE FROM answer_votes WHERE answer_id = ? AND user_id = ?", vote)
    if taken.rowcount:
        return False
    database.execute("INSERT INTO answer_votes (answer_id, user_id) VALUES (?, ?)", vote)
    return True


def voted_by(account_id: int, question_id: int) -> set[int]:
    """Give the numbers of a question's answers that the account voted for."""
    rows = connection().execute(
        "SELECT answer_id FROM answer_votes JOIN answers ON answers.id = answer_id"
        " WHERE user_id = ? AND question_id = ?",
        (account_id, question_id),
    )
    return {answer_id for (answer_id,) in rows}


def delete(answer_id: int) -> None:
    """Delete an answer with its votes, for good."""
    connection().execute("DELETE FROM answers WHERE id = ?", (answer_id,))
