"""A small HTTP server in threads of its own, so that it answers while Blender's main loop is busy."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from agent.routes import Response

Answer = Callable[[str, str | None], Response]
"""Gets the path and the Authorization header of a GET request."""


def serve(answer: Answer, port: int, host: str = "0.0.0.0") -> ThreadingHTTPServer:
    """Start to answer on a port (0 picks a free one) in the background."""

    class Handler(BaseHTTPRequestHandler):
        server_version = "blender-agent"
        sys_version = ""
        # A client that sends nothing must not hold a thread for ever.
        timeout = 10

        def do_GET(self) -> None:
            response = answer(self.path, self.headers.get("Authorization"))
            body = json.dumps(response.body).encode()
            self.send_response(response.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            for name, value in response.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
            """Stay silent: a probe every second would drown Blender's own log."""

    server = ThreadingHTTPServer((host, port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="agent-http", daemon=True).start()
    return server
