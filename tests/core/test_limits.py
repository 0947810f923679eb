"""A limit that was exceeded says which setting it is."""

from __future__ import annotations

from werkzeug.exceptions import RequestEntityTooLarge

from kolben.core.limits import TooLarge


def test_a_limit_says_how_it_is_set() -> None:
    error = TooLarge("MAX_FORM_PARTS", 5)
    assert isinstance(error, RequestEntityTooLarge)
    assert error.explanation("POST", "/form") == (
        "POST /form: the request is above MAX_FORM_PARTS, which is 5 here. Set"
        " app.config['MAX_FORM_PARTS'], or for one request request.max_form_parts in a"
        " before_request function."
    )


def test_one_of_the_server_says_so() -> None:
    assert TooLarge("--max-body", 5).explanation("POST", "/form") == (
        "POST /form: the request is above --max-body, which is 5 here. Serve with a higher"
        " --max-body."
    )
