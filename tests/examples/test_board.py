"""The board's pages: lists, questions, accounts, moderation, errors, first start, commands."""

from __future__ import annotations

import kolben.drop_in  # noqa: F401  # first: the board says `from flask import …`

# isort: split

import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.examples.conftest import EXAMPLES

if TYPE_CHECKING:
    from tests.examples.conftest import Site, Visitor

ASKED = {
    "title": "How do I send a file as a download?",
    "body": "The view knows the path.\n\n```\nreturn path\n```",
    "tags": "response, files response",
}
SAMPLES = 11
# A worker of a server, held back until all of them can start at once: it has imported the app.
WORKER = """
import sys
import kolben.drop_in
from board import create_app
from board.store import questions

print("ready", flush=True)
sys.stdin.readline()
app = create_app(instance_path=sys.argv[1])
with app.app_context():
    print(app.secret_key, questions.page(questions.Search(), 1, 100).total)
"""


def asked(visitor: Visitor, **changes: str) -> int:
    """Ask a question and give its number."""
    response = visitor.send("/ask", **(ASKED | changes))
    assert response.status_code == 302, response.text
    return int(response.location.rsplit("/", 1)[1])


# The first start


def test_a_start_without_anything_makes_database_and_secrets_for_the_owner_only(
    first_start: tuple[Path, dict[str, str]],
) -> None:
    folder, _ = first_start
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert modes == {"board.sqlite": 0o600, "secret_key": 0o600, "hook_secret": 0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_workers_that_start_at_the_same_time_fill_the_board_once(tmp_path: Path) -> None:
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(tmp_path)],
            cwd=EXAMPLES,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    ready = [worker.stdout.readline() for worker in workers if worker.stdout]
    for worker in workers:
        assert worker.stdin
        worker.stdin.write("go\n")
        worker.stdin.flush()
    said = [worker.communicate() for worker in workers]
    printed = "".join(err for _, err in said)
    assert ["ready\n"] * 3 == ready, printed
    assert {0} == {worker.returncode for worker in workers}, printed
    assert 1 == len({out for out, _ in said})  # one secret key
    assert said[0][0].endswith(f" {SAMPLES}\n")
    assert 1 == printed.count("  admin ")


@pytest.mark.usefixtures("examples_on_path")
def test_the_passwords_are_printed_once_and_only_their_hashes_are_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from board import create_app

    create_app(instance_path=str(tmp_path))
    printed = capsys.readouterr().err.splitlines()[1:]
    passwords = [line.split()[1].encode() for line in printed]
    create_app(instance_path=str(tmp_path))
    assert len(passwords) == 3
    assert not capsys.readouterr().err
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert not [password for password in passwords if password in content]


# Lists


def test_the_list_has_pages(visitor: Visitor) -> None:
    first, second = visitor.page("/"), visitor.page("/?page=2")
    assert first.count("<article") == 8
    assert second.count("<article") == SAMPLES - 8
    assert "Page 2 of 2" in second


@pytest.mark.parametrize(
    ("query", "title"),
    [
        ("?q=beautifulsoup4", "No module named bs4"),
        ("?q=Which+key", None),
        ("?q=MODIFICATIONS+copied", "What does SQLALCHEMY_TRACK_MODIFICATIONS do?"),
        ("?tag=webhook", "How do I get the raw body of a POST request?"),
        ("?sort=unanswered", "How can a page show new answers without being reloaded?"),
        ("?q=100%25", None),
        ("?q=TRACK%5FMODI_ICATIONS", None),
        ("?q='%3B+DROP+TABLE+users%3B--", None),
    ],
)
def test_search_finds_words_tags_and_open_questions(
    visitor: Visitor, query: str, title: str | None
) -> None:
    page = visitor.page(f"/{query}")
    assert page.count('<article class="card question') == (1 if title else 0)
    assert (title or "Nothing here yet.") in page


@pytest.mark.parametrize(
    "path",
    [
        "/?page=3",
        "/?page=0",
        "/?page=99999999999999999999",
        "/questions/999",
        "/questions/99999999999999999999",
        "/user/profile/nobody",
        "/nothing",
    ],
)
def test_what_is_not_there_gets_the_404_page(visitor: Visitor, path: str) -> None:
    response = visitor.get(path)
    assert response.status_code == 404
    assert "There is nothing at this address" in response.text


@pytest.mark.parametrize("path", ["/", "/tags", "/about", "/questions/1", "/user/profile/Helper"])
def test_pages_are_complete_and_load_nothing_from_elsewhere(visitor: Visitor, path: str) -> None:
    response = visitor.get(path)
    assert response.status_code == 200
    assert "default-src 'self'" in response.headers["Content-Security-Policy"]
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.text.rstrip().endswith("</html>")
    scripts = re.findall("<script[^<]*</script>", response.text)
    live = ['<script src="/static/live.js" defer></script>'] if path == "/questions/1" else []
    assert scripts == live
    assert response.text.count("<script") == len(live)
    assert ' style="' not in response.text


# Accounts


def test_whoever_signs_up_is_logged_in(visitor: Visitor) -> None:
    password = "correct horse"
    fields = {"name": "newcomer", "password": password, "password_again": password}
    response = visitor.send("/user/sign-up", next="/ask", **fields)
    assert response.location == "/ask"
    assert "Welcome to the board, newcomer." in visitor.page("/ask")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"name": "x"}, "Use 3 to 24 letters"),
        ({"name": "a b c"}, "Use 3 to 24 letters"),
        ({"name": "READER"}, "is taken"),
        ({"password": "short", "password_again": "short"}, "Write at least 10 characters"),
        ({"password_again": "another one"}, "The two passwords are not the same."),
    ],
)
def test_sign_up_says_what_is_wrong(
    visitor: Visitor, changes: dict[str, str], problem: str
) -> None:
    fields = {"name": "newcomer", "password": "correct horse", "password_again": "correct horse"}
    response = visitor.send("/user/sign-up", **(fields | changes))
    assert response.status_code == 422
    assert problem in response.text


@pytest.mark.parametrize(
    ("target", "location"),
    [
        ("/ask", "/ask"),
        ("/questions/1?x=1", "/questions/1?x=1"),
        ("", "/"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example/", "/"),
        ("/\t/evil.example/", "/"),
        ("\\\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
    ],
)
def test_login_goes_on_to_pages_of_this_site_only(
    site: Site, visitor: Visitor, target: str, location: str
) -> None:
    fields = {"name": "reader", "password": site.passwords["reader"], "next": target}
    assert visitor.send("/user/login", **fields).location == location


def test_a_page_that_needs_an_account_comes_back_after_login(visitor: Visitor) -> None:
    assert visitor.get("/ask").location == "/user/login?next=/ask"


def test_after_many_failures_the_name_is_closed_for_the_address(
    site: Site, visitor: Visitor
) -> None:
    site.app.config["FAILED_LOGINS_ALLOWED"] = 2
    fields = {"name": "Reader", "password": "a wrong one"}
    codes = [visitor.send("/user/login", **fields).status_code for _ in range(3)]
    right = visitor.send("/user/login", name="reader", password=site.passwords["reader"])
    assert codes == [422, 422, 429]
    assert right.status_code == 429


def test_logout_ends_the_session(reader: Visitor) -> None:
    reader.send("/user/logout")
    assert reader.get("/user/settings").status_code == 302


def test_a_new_password_ends_all_other_sessions(site: Site, reader: Visitor) -> None:
    elsewhere = site.logged_in("reader")
    changed = reader.send(
        "/user/settings/password",
        old_password=site.passwords["reader"],
        password="a new password",
    )
    assert changed.status_code == 302
    assert reader.get("/user/settings").status_code == 200
    assert elsewhere.get("/user/settings").status_code == 302


def test_a_new_password_needs_the_old_one(reader: Visitor) -> None:
    fields = {"old_password": "not it, I fear", "password": "a new password"}
    response = reader.send("/user/settings/password", **fields)
    assert response.status_code == 422
    assert "This is not your password." in response.text


def test_the_profile_text_is_public(reader: Visitor, visitor: Visitor) -> None:
    reader.send("/user/settings/about", about="Reads `all` of it.")
    assert "Reads <code>all</code> of it." in visitor.page("/user/profile/reader")


@pytest.mark.parametrize(
    "path",
    [
        "/ask",
        "/questions/1/answers",
        "/questions/1/vote",
        "/user/logout",
        "/admin/questions/1/hide",
    ],
)
def test_a_change_without_the_token_is_refused(admin: Visitor, path: str) -> None:
    for form in ({}, {"csrf_token": "guessed"}, {"csrf_token": "gueßed"}):
        response = admin.client.post(path, data=form | ASKED)
        assert response.status_code == 400
        assert "CSRF token" in response.text


# Questions and answers


def test_a_question_is_asked_and_shown_with_its_tags_once(reader: Visitor) -> None:
    number = asked(reader)
    page = reader.page(f"/questions/{number}")
    assert "Your question is on the board." in page
    assert "<pre><code>return path</code></pre>" in page
    assert page.count('href="/?tag=response"') == 1


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"title": " short "}, "Write at least 10 characters; these are 5."),
        ({"title": "x" * 151}, "Write at most 150 characters"),
        ({"body": "\x00" * 50}, "Write at least 20 characters; these are 0."),
        ({"tags": ""}, "Give one to 5 tags, not 0."),
        ({"tags": "a b c d e f"}, "Give one to 5 tags, not 6."),
        ({"tags": "<b>"}, "cannot be a tag"),
    ],
)
def test_asking_says_what_is_wrong_and_keeps_the_text(
    reader: Visitor, changes: dict[str, str], problem: str
) -> None:
    response = reader.send("/ask", **(ASKED | changes))
    assert response.status_code == 422
    assert problem in response.text
    assert "send a file" in response.text or "The view knows" in response.text


def test_what_users_write_stays_text(reader: Visitor) -> None:
    evil = "<script>alert('1')</script> \"><img src=x onerror=alert(2)>"
    number = asked(reader, title=evil, body=f"{evil} `{evil}`\n\n```\n{evil}\n```\n- {evil}")
    for path in ("/", f"/questions/{number}", "/user/profile/reader", "/feed.xml", f"/?q={evil}"):
        assert "<script>" not in reader.page(path)
        assert "<img src=x" not in reader.page(path)


def test_an_answer_is_written_and_shown(helper: Visitor) -> None:
    response = helper.send("/questions/11/answers", body="Let the server send them.")
    assert response.location.startswith("/questions/11#answer-")
    assert "Let the server send them." in helper.page("/questions/11")


def test_an_answer_that_is_too_short_is_kept_in_the_form(helper: Visitor) -> None:
    response = helper.send("/questions/11/answers", body="No.")
    assert response.status_code == 422
    assert "No.</textarea>" in response.text


def test_a_vote_is_given_and_taken_back(helper: Visitor) -> None:
    votes = []
    for _ in range(2):
        helper.send("/questions/11/vote")
        votes.append(helper.get("/api/questions/11").json["votes"])
    assert votes == [1, 0]


@pytest.mark.parametrize("path", ["/questions/11/vote", "/answers/1/vote"])
def test_nobody_votes_for_themselves(reader: Visitor, helper: Visitor, path: str) -> None:
    author = reader if "questions" in path else helper
    assert "gets its votes from others" in author.page(author.send(path).location)


def test_only_the_asker_accepts_and_can_take_it_back(reader: Visitor, helper: Visitor) -> None:
    def solved() -> bool:
        return bool(reader.get("/api/questions/9").json["is_solved"])

    answer = reader.get("/api/questions/9").json["answers"][0]["id"]
    assert helper.send(f"/answers/{answer}/accept").status_code == 403
    assert not solved()
    reader.send(f"/answers/{answer}/accept")
    assert solved()
    reader.send(f"/answers/{answer}/accept")
    assert not solved()


# Moderation


@pytest.mark.parametrize("path", ["/admin/", "/admin/users", "/admin/questions/1/delete"])
def test_moderation_is_for_admins(
    visitor: Visitor, reader: Visitor, admin: Visitor, path: str
) -> None:
    assert visitor.get(path).location == f"/user/login?next={path}"
    assert reader.get(path).status_code == 403
    assert admin.get(path).status_code == 200


def test_a_hidden_question_is_seen_by_admins_only(admin: Visitor, visitor: Visitor) -> None:
    admin.send("/admin/questions/1/hide")
    paths = ("/questions/1", "/api/questions/1")
    assert [visitor.get(path).status_code for path in paths] == [404, 404]
    assert visitor.get("/api/questions").json["total"] == SAMPLES - 1
    assert "/questions/1<" not in visitor.page("/feed.xml")
    assert "hidden" in admin.page("/questions/1")
    admin.send("/admin/questions/1/unhide")
    assert visitor.get("/questions/1").status_code == 200


def test_a_deleted_question_takes_its_answers_along_and_its_number_stays_free(
    admin: Visitor, reader: Visitor
) -> None:
    answer = reader.get("/api/questions/10").json["answers"][0]["id"]
    number = asked(reader)
    for question_id in (10, number):
        assert admin.send(f"/admin/questions/{question_id}/delete").status_code == 302
    assert reader.get("/questions/10").status_code == 404
    assert reader.send(f"/answers/{answer}/vote").status_code == 404
    assert asked(reader) == number + 1


def test_an_admin_deletes_an_answer_even_the_accepted_one(admin: Visitor) -> None:
    before = admin.get("/api/questions/1").json
    accepted = next(answer["id"] for answer in before["answers"] if answer["is_accepted"])
    admin.send(f"/admin/answers/{accepted}/delete")
    after = admin.get("/api/questions/1").json
    assert after["answer_count"] == before["answer_count"] - 1
    assert not after["is_solved"]


# Errors, the connection, commands


def test_a_failure_gets_the_500_page_which_needs_no_database(site: Site, visitor: Visitor) -> None:
    site.app.config.update(DATABASE="/nowhere/board.sqlite", PROPAGATE_EXCEPTIONS=False)
    response = visitor.get("/")
    assert response.status_code == 500
    assert "Something went wrong on our side" in response.text


def test_every_request_closes_its_connection(site: Site, visitor: Visitor) -> None:
    from board import database

    opened = []

    @site.app.after_request
    def remember(response: Any) -> Any:
        opened.append(database.connection())
        return response

    for path in ("/", "/questions/999"):
        visitor.get(path)
    assert len(set(map(id, opened))) == 2
    for connection in opened:
        with pytest.raises(Exception, match="closed database"):
            connection.execute("SELECT 1")


def test_init_db_empties_and_seed_fills(site: Site, visitor: Visitor) -> None:
    runner = site.app.test_cli_runner()
    assert runner.invoke(args=["init-db"], input="n\n").exit_code == 1
    assert visitor.get("/api/questions").json["total"] == SAMPLES
    assert runner.invoke(args=["init-db", "--yes"]).exit_code == 0
    assert visitor.get("/api/questions").json["total"] == 0
    for expected in (3, 0):
        result = runner.invoke(args=["seed"])
        assert result.exit_code == 0
        accounts = [line for line in result.output.splitlines() if line.startswith("  ")]
        assert len(accounts) == expected
        assert visitor.get("/api/questions").json["total"] == SAMPLES


def test_new_password_prints_one_that_works(site: Site, visitor: Visitor) -> None:
    runner = site.app.test_cli_runner()
    result = runner.invoke(args=["new-password", "READER"])
    password = result.output.split()[-1]
    assert visitor.send("/user/login", name="reader", password=password).status_code == 302
    assert "no account 'nobody'" in runner.invoke(args=["new-password", "nobody"]).output
