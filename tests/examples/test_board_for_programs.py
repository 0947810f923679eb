"""The board's API, feed and import hook, and its filters that make HTML of text."""

from __future__ import annotations

import kolben.drop_in  # noqa: F401  # first: the board says `from flask import …`

# isort: split

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest

if TYPE_CHECKING:
    from tests.examples.conftest import Site, Visitor

ATOM = "{http://www.w3.org/2005/Atom}"
IMPORTED = {
    "questions": [
        {"title": "How do I stream a response?", "body": "It has a million rows.", "tags": ["csv"]}
    ]
}


# The API


def test_the_list_understands_what_the_page_understands(visitor: Visitor) -> None:
    answer = visitor.get("/api/questions?tag=webhook&sort=votes").json
    (question,) = answer.pop("questions")
    assert answer == {"page": 1, "pages": 1, "total": 1}
    assert question["title"] == "How do I get the raw body of a POST request?"
    assert question["url"] == f"http://localhost/questions/{question['id']}"


def test_a_question_comes_with_its_answers_the_accepted_one_first(visitor: Visitor) -> None:
    question = visitor.get("/api/questions/6").json
    assert [answer["is_accepted"] for answer in question["answers"]] == [True, False]
    assert question["answer_count"] == 2


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/api/questions/999", 404),
        ("GET", "/api/questions/x", 404),
        ("GET", "/api/nothing", 404),
        ("GET", "/api/questions?page=9", 404),
        ("DELETE", "/api/questions", 405),
        ("POST", "/api/questions/1/answers", 400),
        ("GET", "/hooks/import", 405),
    ],
)
def test_every_error_is_json(visitor: Visitor, method: str, path: str, code: int) -> None:
    response = visitor.client.open(path, method=method)
    assert response.status_code == code
    assert response.json["error"]["code"] == code
    assert ("Allow" in response.headers) == (code == 405)


def test_a_failure_of_the_api_is_json_too(site: Site, visitor: Visitor) -> None:
    site.app.config.update(DATABASE="/nowhere/board.sqlite", PROPAGATE_EXCEPTIONS=False)
    response = visitor.get("/api/questions")
    assert response.status_code == 500
    assert response.json["error"]["name"] == "Internal Server Error"
    assert "nowhere" not in response.text


def test_an_answer_is_written_with_basic(site: Site, visitor: Visitor) -> None:
    response = visitor.client.post(
        "/api/questions/11/answers",
        json={"body": "Have a look at the docs."},
        auth=("helper", site.passwords["helper"]),
    )
    assert response.status_code == 201
    assert response.json["author"] == "helper"
    assert response.location == f"/questions/11#answer-{response.json['id']}"
    assert "Have a look at the docs." in visitor.page("/questions/11")


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ({"json": {"body": "long enough for it"}, "auth": ("helper", "wrong password")}, 401),
        ({"json": {"body": "long enough for it"}, "auth": ("nobody", "wrong password")}, 401),
        ({"json": {"body": "short"}}, 422),
        ({"json": {"body": 1}}, 400),
        ({"json": []}, 400),
        ({"data": "{", "content_type": "application/json"}, 400),
        ({"data": '{"body": "long enough for it"}', "content_type": "text/plain"}, 415),
    ],
    ids=["password", "name", "short", "number", "list", "syntax", "type"],
)
def test_an_answer_that_cannot_be_taken_is_refused(
    site: Site, visitor: Visitor, sent: dict[str, Any], code: int
) -> None:
    login = {"auth": ("helper", site.passwords["helper"])}
    response = visitor.client.post("/api/questions/11/answers", **(login | sent))
    assert response.status_code == code
    assert response.json["error"]["code"] == code
    assert visitor.get("/api/questions/11").json["answers"] == []


def test_a_lone_surrogate_is_stored_as_a_replacement(site: Site, visitor: Visitor) -> None:
    response = visitor.client.post(
        "/api/questions/11/answers",
        data=rb'{"body": "half a pair: \ud83d, no more"}',
        content_type="application/json",
        auth=("helper", site.passwords["helper"]),
    )
    assert response.json["body"] == "half a pair: ?, no more"


def test_the_session_writes_only_with_its_token(helper: Visitor) -> None:
    path, body = "/api/questions/11/answers", {"body": "long enough for it"}
    without = helper.client.post(path, json=body)
    given = helper.client.post(path, json=body, headers={"X-CSRF-Token": helper.token()})
    assert (without.status_code, given.status_code) == (400, 201)


def test_basic_opens_nothing_but_the_api(site: Site, visitor: Visitor) -> None:
    auth = ("admin", site.passwords["admin"])
    assert visitor.get("/admin/", auth=auth).status_code == 302
    assert visitor.client.post("/questions/1/vote", auth=auth).status_code == 400


# The feed


def test_the_feed_is_atom_with_the_newest_first(visitor: Visitor) -> None:
    response = visitor.get("/feed.xml")
    feed = ET.fromstring(response.data)
    entries = feed.findall(f"{ATOM}entry")
    assert response.content_type == "application/atom+xml; charset=utf-8"
    assert len(entries) == 11
    assert entries[1].findtext(f"{ATOM}title") == "What is an endpoint?"
    assert entries[1].findtext(f"{ATOM}id") == "http://localhost/questions/10"
    assert "<p>The documentation speaks" in (entries[1].findtext(f"{ATOM}content") or "")


def test_a_reader_that_has_the_feed_gets_304(visitor: Visitor) -> None:
    tag = visitor.get("/feed.xml").headers["ETag"]
    again = visitor.get("/feed.xml", headers={"If-None-Match": tag})
    assert (again.status_code, again.data) == (304, b"")


# The hook


def deliver(site: Site, body: bytes, signature: str | None = None, **options: Any) -> Any:
    """Send a body to the hook, with the signature that fits unless another one is given."""
    from board.views.hooks import signature as fitting

    with site.app.app_context():
        headers = {"X-Board-Signature": fitting(body) if signature is None else signature}
    return site.app.test_client().post("/hooks/import", data=body, headers=headers, **options)


@pytest.mark.parametrize(
    "content_type", [None, "application/json", "application/x-www-form-urlencoded"]
)
def test_a_signed_import_is_added_once_whatever_its_type(
    site: Site, visitor: Visitor, content_type: str | None
) -> None:
    body = json.dumps(IMPORTED).encode()
    first = deliver(site, body, content_type=content_type)
    second = deliver(site, body, content_type=content_type)
    assert (first.status_code, first.json) == (201, {"added": 1})
    assert (second.status_code, second.json["added"]) == (200, 0)
    (question,) = visitor.get("/api/questions?tag=csv").json["questions"]
    assert question["author"] == "importer"


@pytest.mark.parametrize("signature", ["", "sha256=", "sha256=" + "0" * 64, "ü"])
def test_an_import_with_a_wrong_signature_is_refused(
    site: Site, visitor: Visitor, signature: str
) -> None:
    response = deliver(site, json.dumps(IMPORTED).encode(), signature)
    assert response.status_code == 403
    assert visitor.get("/api/questions?tag=csv").json["total"] == 0


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[" * 100_000, 400),
        (b"\xff", 400),
        (b'{"questions": []}', 400),
        (b'{"questions": [1]}', 422),
        (b'{"questions": [{"title": "no body, no tags"}]}', 422),
        (b" " * 600_000, 413),
    ],
    ids=["empty", "syntax", "deep", "bytes", "none", "number", "fields", "large"],
)
def test_a_signed_import_that_makes_no_sense_adds_nothing(
    site: Site, visitor: Visitor, body: bytes, code: int
) -> None:
    response = deliver(site, body)
    assert (response.status_code, response.json["error"]["code"]) == (code, code)
    assert visitor.get("/api/questions").json["total"] == 11


def test_the_importer_cannot_log_in(site: Site, visitor: Visitor) -> None:
    deliver(site, json.dumps(IMPORTED).encode())
    assert visitor.send("/user/login", name="importer", password="!").status_code == 422


def test_sign_import_prints_the_header(site: Site, tmp_path: Path) -> None:
    file = tmp_path / "body.json"
    file.write_bytes(json.dumps(IMPORTED).encode())
    result = site.app.test_cli_runner().invoke(args=["sign-import", str(file)])
    name, _, signature = result.output.strip().partition(": ")
    assert name == "X-Board-Signature"
    assert deliver(site, file.read_bytes(), signature).status_code == 201


# The filters


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("a < b\nc", "<p>a &lt; b<br>\nc</p>"),
        ("one\n\ntwo", "<p>one</p>\n<p>two</p>"),
        ("- a\n- `b`", "<ul><li>a</li><li><code>b</code></li></ul>"),
        ("```py\n<a>\n\nb\n```", "<pre><code>&lt;a&gt;\n\nb</code></pre>"),
        ("``` without an end", "<p>``` without an end</p>"),
        (
            "see https://a.example/x?y=1&z, or not",
            '<p>see <a href="https://a.example/x?y=1&amp;z" rel="nofollow ugc noopener">'
            "https://a.example/x?y=1&amp;z</a>, or not</p>",
        ),
        ("javascript:alert(1)", "<p>javascript:alert(1)</p>"),
        ("`https://a.example`", "<p><code>https://a.example</code></p>"),
    ],
)
@pytest.mark.usefixtures("examples_on_path")
def test_prose_makes_html(text: str, html: str) -> None:
    from board.text import prose

    assert prose(text) == html


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "just now"),
        (60, "1 minute ago"),
        (7200, "2 hours ago"),
        (86400 * 29, "29 days ago"),
        (86400 * 364, "12 months ago"),
        (86400 * 366, "1 year ago"),
        (-5, "just now"),
    ],
)
@pytest.mark.usefixtures("examples_on_path")
def test_times_are_said_in_words(seconds: int, said: str) -> None:
    from datetime import timedelta

    from board.database import timestamp
    from board.text import ago

    assert ago(timestamp(timedelta(seconds=seconds))) == said
