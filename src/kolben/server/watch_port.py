"""A port of its own for health and metrics, served by a thread in each worker.

Workers share the port (SO_REUSEPORT): the system gives each connection to one of them, and each
can answer for all. It goes on while a worker finishes its last requests.
"""

from __future__ import annotations

import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any

from kolben.server.forked_children import close_in_children
from kolben.server.watch_pages import JSON, Page, WatchPages

# SECURITY: a client that sends nothing is let go; this port is for machines that ask at once.
CLIENT_TIMEOUT_S = 5.0

_NOT_FOUND = Page(404, JSON, b'{"status": "not found"}\n')


def serve_pages(pages: WatchPages, host: str, port: int) -> ThreadingHTTPServer:
    """Answer the pages on a port, in a thread of their own; OSError if it is taken."""

    class Answering(BaseHTTPRequestHandler):
        timeout = CLIENT_TIMEOUT_S
        server_version = "Kolben"
        sys_version = ""

        def do_GET(self) -> None:  # the library calls it so
            found = pages.find(self.command, self.path.partition("?")[0])
            page = _NOT_FOUND if found is None else found()
            self.send_response(page.status)
            for name, value in page.headers:
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(page.body)

        do_HEAD = do_GET  # noqa: N815  # the library calls it so

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # its name there
            """Write nothing: what asks does so every few seconds."""

    server = PagesServer((host, port), Answering)
    close_in_children(server.socket)
    threading.Thread(target=server.serve_forever, name="kolben-watch-port", daemon=True).start()
    return server


class PagesServer(ThreadingHTTPServer):
    """The server of that port, which other workers may listen on as well."""

    daemon_threads = True
    allow_reuse_port = True

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, handler)

    def server_bind(self) -> None:
        """Take the port, without asking the network for the name of the address."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]  # a host and a port

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Write nothing: a client that went away is no error of the server."""
