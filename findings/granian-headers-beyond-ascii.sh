#!/usr/bin/env bash
# Granian's RSGI headers and values with bytes beyond ASCII.
#
# Most would guess: a request header whose value has such a byte (a UTF-8 cookie, a name in
# X-Remote-User) is either readable, or absent from the request's headers.
# What happens: it is both. Its name is in keys(), `in` says that it is there, and len() counts it;
# items() and values() leave it out, get() gives its default, get_all() an empty list, and `[name]`
# an empty string. So `name in headers` and `headers.get(name)` contradict each other, and a
# comparison of len(headers) with len(headers.values()) is how an app can notice.
# Versions: Granian 2.8.7.
# Where it matters: an RSGI app that builds its headers from items() sees a request without Cookie,
# and so a client that is logged out, and nothing is logged. Granian's ASGI side gives the bytes.
set -euo pipefail
folder=$(mktemp -d)
server=
cleanup() {
    if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; fi
    rm -r "$folder"
}
trap cleanup EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check granian==2.8.7
cat >served.py <<'PY'
async def app(scope, protocol):
    h, name = scope.headers, "x-name"
    said = f"in keys {name in h.keys()}, in items {name in dict(h.items())}, contained {name in h}, "
    said += f"get {h.get(name)!r}, get_all {h.get_all(name)!r}, item {h[name]!r}, "
    said += f"len {len(h)}, values {len(h.values())}"
    protocol.response_str(200, [], said)
PY
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
env/bin/granian --interface rsgi --host 127.0.0.1 --port "$port" served:app >log 2>&1 &
server=$!
cat >ask.py <<'PY'
import socket, sys, time

for _ in range(100):
    try:
        connection = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=10)
        break
    except OSError:
        time.sleep(0.1)
connection.sendall(
    b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Name: Z\xc3\xbcrich\r\nConnection: close\r\n\r\n"
)
answer = b""
while part := connection.recv(4096):
    answer += part
print(answer.partition(b"\r\n\r\n")[2].decode())
PY
found=$(python3 ask.py "$port")
env/bin/pip list --disable-pip-version-check 2>/dev/null | grep -i '^granian '
echo "The header X-Name: Zürich: $found"
expected="in keys True, in items False, contained True, get None, get_all [], item '', len 3, values 2"
if [ "$found" != "$expected" ]; then
    echo "This has changed; it was: $expected"
    exit 1
fi
echo "Names say that the header is there, and values that it is not."
