"""What is asked over HTTP of the table of ends.

Rule: no framework is imported here, as who asks is neither of the two.
"""

from __future__ import annotations

from collections.abc import Iterator

#: Names the file in which the app notes what happens.
FILE_VARIABLE = "ENDS_FILE"

KINDS = """
text response this session template redirect not-modified not-modified-stream no-content-stream file
generator response-generator iterable iterable-close-fails direct context context-response
context-iterable context-thrown-away context-no-content context-template later-fails first-fails
context-later-fails context-first-fails error handled handled-by-stream abort-404 abort-response
none nested-app nested-request caught wsgi
""".split()
ASYNC_KINDS = "text response-generator context context-later-fails error handled-by-stream".split()
#: The places of the app that may fail; those of FAILS alone are not asked over HTTP.
PLACES = """
before after after+this handler handler+500 teardown teardown+app close signal+request-finished
signal+got-request-exception signal+request-tearing-down signal+appcontext-tearing-down
""".split()
FAILS = (
    *PLACES,
    *"""
after+first teardown,+the+last+registered teardown+app,+the+last+registered
teardown+blueprint signal+appcontext-popped signal+appcontext-pushed signal+before-render-template
signal+message-flashed signal+request-started signal+template-rendered
""".split(),
)


def _asked() -> Iterator[tuple[str, str]]:
    for kind in KINDS:
        yield "GET", f"/k/{kind}"
        yield "HEAD", f"/k/{kind}"
    for kind in ASYNC_KINDS:
        yield "GET", f"/a/{kind}"
    for place in PLACES:
        for kind in ("this", "error", "response-generator", "context-response"):
            yield "GET", f"/k/{kind}?fail={place}"
    yield from (("GET", "/k/error?stream"), ("GET", "/nothing"), ("GET", "/branch"))


#: Method and target of each request.
ASKED = list(_asked())
#: Requests whose client goes away after the first bytes, with what is noted last.
LEFT = {
    "/long": "on close, the last registered [nothing]",
    "/long?context": "on close, the last registered [nothing]",
}
