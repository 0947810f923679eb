#!/bin/sh
# Uvicorn calls an ASGI 3 app that is a bound method as an ASGI 2 app.
#
# Most would guess: `uvicorn hello:app.asgi_app` serves an object whose `async def asgi_app(self, scope,
# receive, send)` is ASGI 3, as `inspect.iscoroutinefunction(app.asgi_app)` says True.
# What happens: for anything that is no plain function Uvicorn asks the `__call__` of it, which for a
# bound method is a method-wrapper and not a coroutine function. It calls `app.asgi_app(scope)`, as
# ASGI 2 was, and each request is a 500 (TypeError). `--interface asgi3` cures it.
# Versions: uvicorn 0.54.0, h11 0.16.0, click 8.5.1.
# It matters wherever a framework has its ASGI entry as a method, to be wrapped by middleware.
set -eu

folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv environment
environment/bin/pip install --quiet uvicorn==0.54.0 h11==0.16.0 click==8.5.1 >/dev/null 2>&1

cat > hello.py <<'PYTHON'
class App:
    async def asgi_app(self, scope, receive, send):
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"hello"})

app = App()
PYTHON

ask() {
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    environment/bin/uvicorn --port "$port" --lifespan off --log-level critical "$@" hello:app.asgi_app &
    server=$!
    status=$(python3 - "$port" <<'PYTHON'
import sys, time, urllib.error, urllib.request
for _ in range(300):
    try:
        print(urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[1]}/", timeout=5).status)
        break
    except urllib.error.HTTPError as error:
        print(error.code)
        break
    except OSError:
        time.sleep(0.1)
PYTHON
)
    kill "$server"
    wait "$server" 2>/dev/null || true
    server=
}

environment/bin/pip list 2>/dev/null | grep -E '^(uvicorn|h11|click) '
environment/bin/python -c 'import hello, inspect; print("it is a coroutine function:", inspect.iscoroutinefunction(hello.app.asgi_app))'
ask
guessed=$status
echo "uvicorn hello:app.asgi_app answers $guessed"
ask --interface asgi3
told=$status
echo "uvicorn --interface asgi3 hello:app.asgi_app answers $told"
[ "$guessed" = 500 ] && [ "$told" = 200 ]
