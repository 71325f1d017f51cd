"""An HTTPS server on a free port of 127.0.0.1: a test decides its answers, it keeps requests."""

import contextlib
import dataclasses
import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclasses.dataclass
class Request:
    method: str
    target: str  # path and query as sent
    headers: list  # (name, value) as sent
    body: bytes

    @property
    def path(self):
        return self.target.partition("?")[0]

    @property
    def query(self):
        return self.target.partition("?")[2]

    def header(self, name):
        """The value, or None; more than one field of a name is a list in no request of ours."""
        values = [value for field, value in self.headers if field.lower() == name.lower()]
        if len(values) > 1:
            raise AssertionError(f"{name} was sent {len(values)} times")
        return values[0] if values else None


@dataclasses.dataclass
class Answer:
    status: int = 200
    headers: list = dataclasses.field(default_factory=list)
    body: bytes = b""
    pieces: object = None  # a generator of bytes instead of the body


class _Server(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """A client that leaves during the handshake, or distrusts us, is none of our business."""


class HttpsServer:
    """answer(request) is called for each request, by several threads."""

    def __init__(self, certificates, answer):
        self._answer = answer
        self._lock = threading.Lock()
        self._requests = []
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        context = certificates.context("https-server")
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def host(self):
        return f"127.0.0.1:{self._server.server_port}"

    @property
    def requests(self):
        with self._lock:
            return list(self._requests)

    def take_requests(self):
        """The requests since the last call."""
        with self._lock:
            taken, self._requests = self._requests, []
        return taken

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def _serve(self, request):
        with self._lock:
            self._requests.append(request)
        return self._answer(request)

    def _handler(server):  # noqa: N805  (self is the handler's)
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                size = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(size)
                answer = server._serve(
                    Request(self.command, self.path, self.headers.items(), body)
                )
                self.send_response_only(answer.status)
                for name, value in answer.headers:
                    self.send_header(name, value)
                if answer.pieces is not None:
                    self.send_header("Transfer-Encoding", "chunked")
                elif "content-length" not in {name.lower() for name, _ in answer.headers}:
                    self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                if answer.pieces is None:
                    self.wfile.write(answer.body)
                    return
                with contextlib.closing(answer.pieces) as pieces:
                    for piece in pieces:
                        self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                self.wfile.write(b"0\r\n\r\n")

            do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = answer

            def log_message(self, *_):
                pass

        return Handler


def _pieces_of(answer, connection):
    """An answer that has no end of its own: a client that leaves ends it."""
    try:
        while piece := answer.read1(65536):
            yield piece
    finally:
        connection.close()


class Forwarder:
    """Answers with what another server says to the same request, byte for byte."""

    HOP_BY_HOP = ("connection", "transfer-encoding", "keep-alive")

    def __init__(self, host, tls):
        self._host = host
        self._tls = tls

    def __call__(self, request):
        name, port = self._host.rsplit(":", 1)
        connection = http.client.HTTPSConnection(name, int(port), context=self._tls, timeout=60)
        connection.putrequest(
            request.method, request.target, skip_host=True, skip_accept_encoding=True
        )
        for field in request.headers:
            connection.putheader(*field)
        connection.endheaders(request.body or None)
        answer = connection.getresponse()
        headers = [
            (name, value)
            for name, value in answer.getheaders()
            if name.lower() not in self.HOP_BY_HOP
        ]
        if answer.chunked:
            return Answer(answer.status, headers, pieces=_pieces_of(answer, connection))
        try:
            return Answer(answer.status, headers, answer.read())
        finally:
            connection.close()
