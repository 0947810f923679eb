#!/usr/bin/env bash
# Hypercorn's WSGI mode and responses without a body.
#
# Most would guess: a WSGI app that returns an empty iterable (HEAD, 204, 304, OPTIONS) is answered
# with its own status, and a request whose body comes in chunks reaches the app with its bytes, as
# under every other WSGI server.
# What happens: Hypercorn sends the headers when the first chunk of the body comes. An app that
# yields none gets no headers sent and the client a 500; the server logs UnexpectedMessageError.
# `wsgi.input` does hold the chunked body, but no CONTENT_LENGTH and no `wsgi.input_terminated` is
# set, so frameworks that obey PEP 3333 read nothing.
# Versions: Hypercorn 0.18.0.
# Where it matters: whoever serves a WSGI app with `hypercorn wsgi:module:app`. Its ASGI mode is right.
set -euo pipefail
folder=$(mktemp -d)
server=
cleanup() {
    if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; fi
    rm -r "$folder"
}
trap cleanup EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check hypercorn==0.18.0
cat >plain.py <<'PY'
def app(environ, start_response):
    if environ["PATH_INFO"] == "/seen":
        length = environ.get("CONTENT_LENGTH") or "none"
        terminated = "wsgi.input_terminated" in environ
        body = environ["wsgi.input"].read()
        text = f"length {length}, terminated {terminated}, bytes {len(body)}".encode()
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [text]
    if environ["PATH_INFO"] == "/full":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"full"]
    start_response("204 No Content", [])
    return []
PY
cat >ask.py <<'PY'
import http.client
import socket
import subprocess
import sys
import time
from importlib.metadata import version

with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
command = ["env/bin/hypercorn", "--bind", f"127.0.0.1:{port}", "wsgi:plain:app"]
with open("log", "w") as log:
    server = subprocess.Popen(command, stdout=log, stderr=log)
try:
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            break
        except OSError:
            time.sleep(0.1)

    def ask(path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        method = "GET" if body is None else "POST"
        connection.request(method, path, body=body, encode_chunked=body is not None,
                           headers={"Transfer-Encoding": "chunked"} if body else {})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()

    full, empty = ask("/full"), ask("/empty")
    seen = ask("/seen", iter([b"abc", b"de"]))
finally:
    server.terminate()
    server.wait(10)
print("hypercorn", version("hypercorn"), "on Python", sys.version.split()[0])
print("an app that returns one chunk is answered:", *full)
print("an app that says 204 and returns nothing is answered:", empty[0])
print("a body of 5 bytes in chunks, as the app sees it:", seen[1])
as_known = full == (200, "full") and empty[0] == 500 and "UnexpectedMessageError" in open("log").read()
as_known = as_known and seen[1] == "length none, terminated False, bytes 5"
print("as described above" if as_known else "this has changed")
sys.exit(not as_known)
PY
env/bin/python ask.py
