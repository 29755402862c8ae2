"""An HTTP server in threads of its own, so that the agent answers while Blender's main loop is busy."""

import json
import sys
import threading
import traceback
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from agent.messages import LARGEST_BODY, Request, Response

Answer = Callable[[Request], Response]


def serve(answer: Answer, port: int, host: str = "0.0.0.0") -> ThreadingHTTPServer:
    """Start a server in background threads and return it.

    Args:
        answer: returns the answer to a request; called in the server's threads.
        port: the port; 0 picks a free one.
        host: the address to listen on.
    """

    class Handler(BaseHTTPRequestHandler):
        server_version = "blender-agent"
        sys_version = ""
        # Seconds. A client that sends nothing must not occupy a thread for ever.
        timeout = 10

        def do_GET(self) -> None:
            self._send(self._answer(b""))

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            if not (length.isascii() and length.isdecimal()):
                self._send(Response(411, {"message": "Send the body with its Content-Length."}))
            elif len(length) > len(str(LARGEST_BODY)) or int(length) > LARGEST_BODY:
                self._send(Response(413, {"message": f"The body may have at most {LARGEST_BODY} bytes."}))
            else:
                self._send(self._answer(self.rfile.read(int(length))))

        def _answer(self, body: bytes) -> Response:
            request = Request(self.command, self.path, self.headers.get("Authorization"), body)
            try:
                return answer(request)
            except Exception:
                traceback.print_exc(file=sys.stderr)
                return Response(500, {"message": "The agent failed. The container's log has the details."})

        def _send(self, response: Response) -> None:
            body = json.dumps(response.body).encode()
            self.send_response(response.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            for name, value in response.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
            """Log nothing, because a line per probe would bury Blender's own log."""

    server = ThreadingHTTPServer((host, port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="agent-http", daemon=True).start()
    return server
