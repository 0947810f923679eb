"""Talk to the app of Flask-SocketIO, or python-socketio's own; print what came as JSON.

Arguments: port, and the transports of each talk, with commas; or `meet` for clients elsewhere.
"""

import json
import os
import queue
import sys
import urllib.request

import socketio

EVENTS = ("hello", "echoed", "news", "joined", "json")


def connect(port, transports):
    """Return a client that is connected, and the queue of what it hears."""
    heard = queue.Queue()
    client = socketio.Client(reconnection=False)
    for event in EVENTS:
        client.on(event, lambda *data, event=event: heard.put([event, *data]))
    url = f"http://127.0.0.1:{port}?word=tea"
    client.connect(url, auth={"key": 1}, transports=transports, wait_timeout=10)
    return client, heard


def next_of(heard):
    return heard.get(timeout=10)


def talk(port, transports):
    """Say all that the app knows, and list what it answers."""
    client, heard = connect(port, transports)
    said = [client.transport(), next_of(heard), client.call("echo", "Grüße", timeout=10)]
    said.append(next_of(heard))
    client.emit("echo", b"\x00\xff" * 50_000)
    said.append(len(next_of(heard)[1]))
    client.emit("json", {"more": 2})
    said.append(next_of(heard))
    client.emit("join", "room")
    said.append(next_of(heard))
    client.emit("fail")
    urllib.request.urlopen(f"http://127.0.0.1:{port}/say/hi", timeout=10).close()
    said.append(next_of(heard))
    client.disconnect()
    return said


def meet(port, transports):
    """Connect clients until two are on two workers; a view of either reaches both."""
    clients = {}
    for _ in range(40):
        client, heard = connect(port, transports)
        clients.setdefault(client.call("pid", timeout=10), heard)
        if len(clients) == 2:
            break
    urllib.request.urlopen(f"http://127.0.0.1:{port}/say/hi", timeout=10).close()
    for heard in clients.values():
        assert next_of(heard)[0] == "hello"
    return [next_of(heard) for heard in clients.values()]


if __name__ == "__main__":
    port, *talks = sys.argv[1:]
    if talks == ["meet"]:
        print(json.dumps(meet(int(port), ["websocket"])))
    else:
        print(json.dumps({each: talk(int(port), each.split(",")) for each in talks}))
    sys.stdout.flush()
    os._exit(0)  # the clients' threads are nobody's any more
