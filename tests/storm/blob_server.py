"""Azure Blob Storage on a bad day: one HTTPS server that serves blobs by Range, If-Match and token.

Without a fault it answers as the service does. A fault of the place "blob.connection" (listener.py)
strikes a new connection, one of "blob.answer" the next answer; the kinds are the methods below.
"""

import dataclasses
import itertools
import random
import re
import secrets
import threading
import time

from tests.storm.listener import CONNECTIONS, Listener, reset, wait_for_end

HEAD_BYTES_MAX = 16 * 1024
PIECE_BYTES = 8 * 1024
FORGIVING_S = 2.0  # longer than a new offer takes to the agent
TRICKLE_BYTES_PER_S = 16  # below what the agent takes for a download that moves


@dataclasses.dataclass
class Blob:
    content: bytes
    etag: str


@dataclasses.dataclass
class Request:
    path: str
    token: str
    first: int  # of the range; None without one
    if_match: str
    headers: dict


class BlobServer(Listener):
    PLACE = "blob"

    def __init__(self, identities, script):
        self._blobs = {}
        self._tokens = set()
        self._numbers = itertools.count(1)
        self.state = threading.Lock()
        self.wrongs = []  # what the agent must never do, in words
        self.bytes_sent = 0  # of bodies
        self.requests = 0
        self.voids = 0  # answers that take away from the agent what it has stored
        self.rate = 0  # bytes per second; 0: as fast as the machine
        self.keep_alive = True
        self._not_before = 0.0  # the agent must not ask earlier
        self._forgiving_until = 0.0
        super().__init__(identities, script)

    # ---- what the test says ----
    def put(self, path, content):
        with self.state:
            self._blobs[path] = Blob(content, f'"0x{next(self._numbers):016X}"')

    def url(self, path):
        return f"https://127.0.0.1:{self.port}{path}"

    def new_token(self):
        """A token; the older ones stay good until revoke()."""
        token = f"sv=2021-12-02&sr=b&sp=r&sig={secrets.token_hex(16)}%3D"
        with self.state:
            self._tokens.add(token)
        return token

    def revoke(self):
        with self.state:
            self._tokens.clear()

    def forget_retry_after(self):
        """The agent may ask again at once: it was restarted, or will soon have a new offer."""
        with self.state:
            self._forgiving_until = time.monotonic() + FORGIVING_S

    # ---- one connection ----
    def serve(self, connection):
        while (request := self._read(connection)) is not None:
            self._check(request)
            fault = self.script.next("blob.answer")
            answer = getattr(self, f"_{fault.kind}") if fault else self._right
            if not answer(connection, request, fault.number if fault else 0.0):
                return
            if not self.keep_alive:
                return

    def _read(self, connection):
        head = b""
        while b"\r\n\r\n" not in head:
            piece = connection.recv(4096)
            if not piece or len(head) > HEAD_BYTES_MAX:
                return None
            head += piece
        lines = head.decode("latin-1").split("\r\n")
        target = lines[0].split(" ")[1]
        headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines[1:] if line)
        }
        path, _, token = target.partition("?")
        wanted = re.fullmatch(r"bytes=(\d+)-", headers.get("range", ""))
        first = int(wanted.group(1)) if wanted else None
        return Request(path, token, first, headers.get("if-match", ""), headers)

    def _check(self, request):
        with self.state:
            self.requests += 1
            if request.path.startswith("/elsewhere"):
                self.wrongs.append("a redirect was followed")
            if request.first is None:
                self.wrongs.append(f"a request without a range: {request.headers}")
            elif request.first > 0 and not request.if_match:
                self.wrongs.append("a download goes on without If-Match")
            if "accept-encoding" in request.headers:
                self.wrongs.append("Accept-Encoding was sent")
            if self._forgiving_until <= time.monotonic() < self._not_before:
                self.wrongs.append("Retry-After was not honoured")
            self._not_before = 0.0

    def _blob_of(self, request):
        with self.state:
            return self._blobs[request.path]

    # ---- the right answer ----
    def _right(self, connection, request, _number=0.0):
        with self.state:
            known = request.token in self._tokens
            blob = self._blobs.get(request.path)
        if not known:
            return self._status(connection, 403, "AuthenticationFailed")
        if blob is None:
            return self._status(connection, 404, "BlobNotFound")
        if request.if_match and request.if_match != blob.etag:
            with self.state:
                self.voids += 1
            return self._status(connection, 412, "ConditionNotMet")
        if request.first >= len(blob.content):
            return self._status(connection, 416, "InvalidRange")
        self._head(connection, 206, self._part_fields(request, blob))
        return self._body(connection, blob.content[request.first :])

    @staticmethod
    def _part_fields(request, blob, **changed):
        size = len(blob.content)
        fields = {
            "Content-Length": size - request.first,
            "Content-Range": f"bytes {request.first}-{size - 1}/{size}",
            "ETag": blob.etag,
            "Content-Type": "application/octet-stream",
        }
        return fields | {name.replace("_", "-"): value for name, value in changed.items()}

    @staticmethod
    def _head(connection, status, fields):
        lines = [f"HTTP/1.1 {status} Words", "x-ms-version: 2021-12-02"]
        lines += [f"{name}: {value}" for name, value in fields.items() if value is not None]
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())

    def _status(self, connection, status, code, **fields):
        page = f"<?xml?><Error><Code>{code}</Code></Error>".encode()
        fields = {name.replace("_", "-"): value for name, value in fields.items()}
        self._head(connection, status, {"Content-Length": len(page), **fields})
        connection.sendall(page)
        return True

    def _chunked(self, connection, request, _number):
        """Right, but in the form that tells no length beforehand."""
        blob = self._blob_of(request)
        fields = self._part_fields(request, blob, Content_Length=None, Transfer_Encoding="chunked")
        self._head(connection, 206, fields)
        rest = blob.content[request.first :]
        for begin in range(0, len(rest), PIECE_BYTES):
            piece = rest[begin : begin + PIECE_BYTES]
            connection.sendall(b"%x\r\n" % len(piece) + piece + b"\r\n")
        connection.sendall(b"0\r\nx-trailer: yes\r\n\r\n")
        return True

    def _early_hints(self, connection, request, _number):
        """Answers before the answer."""
        self._head(connection, 100, {})
        self._head(connection, 103, {"Link": "</style.css>; rel=preload", "ETag": '"0xEE"'})
        return self._right(connection, request)

    def _overrun(self, connection, request, number):
        """More bytes than the head has said, where the next answer would begin."""
        self._right(connection, request)
        connection.sendall(b"\x5a" * (1 + int(20_000 * number)))
        return False

    def _body(self, connection, content, rate=None):
        rate = self.rate if rate is None else rate
        piece_bytes = PIECE_BYTES if rate == 0 else max(1, min(PIECE_BYTES, rate // 20))
        for begin in range(0, len(content), piece_bytes):
            piece = content[begin : begin + piece_bytes]
            connection.sendall(piece)
            with self.state:
                self.bytes_sent += len(piece)
            if rate:
                self.pause(len(piece) / rate)
                if self.stopped.is_set():
                    return False
        return True

    # ---- the connection fails ----
    def _partly(self, connection, request, number):
        """Sends the head and a part of the body that is right."""
        blob = self._blob_of(request)
        self._head(connection, 206, self._part_fields(request, blob))
        rest = blob.content[request.first :]
        return self._body(connection, rest[: int(number * len(rest))])

    def _drop_reset(self, connection, request, number):
        self._partly(connection, request, number)
        reset(connection)
        return False

    def _drop_end(self, connection, request, number):
        self._partly(connection, request, number)
        return False

    def _drop_in_head(self, connection, request, number):
        head = f"HTTP/1.1 206 Words\r\nContent-Range: bytes {request.first}-".encode()
        connection.sendall(head[: int(number * len(head))])
        return False

    def _stall(self, connection, request, number):
        self._partly(connection, request, number)
        wait_for_end(connection)
        return False

    def _stall_before_head(self, connection, _request, _number):
        wait_for_end(connection)
        return False

    def _trickle(self, connection, request, number):
        blob = self._blob_of(request)
        self._head(connection, 206, self._part_fields(request, blob))
        rest = blob.content[request.first :]
        half = int(number * len(rest))
        return self._body(connection, rest[:half]) and self._body(
            connection, rest[half:], TRICKLE_BYTES_PER_S
        )

    def _slow_start(self, connection, request, number):
        self.pause(0.5 * number)
        return self._right(connection, request)

    # ---- the answer lies ----
    def _lie(self, connection, request, body=None, status=206, **changed):
        blob = self._blob_of(request)
        self._head(connection, status, self._part_fields(request, blob, **changed))
        return self._body(connection, blob.content[request.first :] if body is None else body)

    def _whole(self, connection, request, _number):
        """A server that ignores ranges."""
        blob = self._blob_of(request)
        if request.first > 0:
            with self.state:
                self.voids += 1
        return self._lie(
            connection,
            request,
            blob.content,
            status=200,
            Content_Length=len(blob.content),
            Content_Range=None,
        )

    def _whole_without_length(self, connection, request, _number):
        blob = self._blob_of(request)
        self._lie(
            connection, request, blob.content, 200, Content_Length=None, Content_Range=None
        )
        return False

    def _login_page(self, connection, _request, _number):
        """What a hotel's network answers."""
        return self._status(connection, 200, "Please accept our terms", Content_Type="text/html")

    def _wrong_first(self, connection, request, number):
        size = len(self._blob_of(request).content)
        first = int(number * size)
        if first == request.first:
            first += 1
        self._lie(connection, request, Content_Range=f"bytes {first}-{size - 1}/{size}")
        return False

    def _wrong_total(self, connection, request, number):
        size = len(self._blob_of(request).content)
        total = size + 1 + int(1000 * number)
        self._lie(connection, request, Content_Range=f"bytes {request.first}-{size - 1}/{total}")
        return False

    def _bad_range(self, connection, request, number):
        words = ["bytes", "bytes 5-1/9", "bytes */*", "bytes 0-99999999999999999999/1", "", "x-y/z"]
        self._lie(connection, request, Content_Range=words[int(number * len(words))])
        return False

    def _longer(self, connection, request, number):
        rest = self._blob_of(request).content[request.first :]
        body = rest + b"\xa5" * (1 + int(5000 * number))
        self._lie(connection, request, body, Content_Length=len(body))
        return False

    def _shorter(self, connection, request, number):
        rest = self._blob_of(request).content[request.first :]
        body = rest[: int(number * len(rest))]
        return self._lie(connection, request, body, Content_Length=len(body))

    def _other_part(self, connection, request, number):
        """A proxy that answers ranges in pieces of its own."""
        size = len(self._blob_of(request).content)
        last = request.first + int(number * (size - 1 - request.first))
        return self._lie(
            connection,
            request,
            self._blob_of(request).content[request.first : last + 1],
            Content_Length=last + 1 - request.first,
            Content_Range=f"bytes {request.first}-{last}/{size}",
        )

    def _changed_etag(self, connection, request, number):
        """The same bytes were put in place once more; the condition is honoured, or not."""
        blob = self._blob_of(request)
        self.put(request.path, blob.content)
        if number < 0.5:
            return self._right(connection, request)
        with self.state:
            self.voids += 1
        self._lie(connection, request, ETag=self._blob_of(request).etag)
        return False

    def _changed_content(self, connection, request, number):
        """Other bytes under the same ETag: only the hash can tell."""
        rest = bytearray(self._blob_of(request).content[request.first :])
        rest[int(number * len(rest))] ^= 0x10
        with self.state:
            self.voids += 1
        return self._lie(connection, request, bytes(rest))

    def _garbage(self, connection, _request, number):
        connection.sendall(random.Random(number).randbytes(1 + int(4000 * number)))
        return False

    def _huge_head(self, connection, _request, _number):
        connection.sendall(b"HTTP/1.1 206 Words\r\n")
        for _ in range(200):
            connection.sendall(b"x-filler: " + b"y" * 4000 + b"\r\n")
        return False

    # ---- the server refuses ----
    def _redirect(self, connection, _request, number):
        status = [301, 302, 303, 307, 308][int(5 * number)]
        return self._status(connection, status, "Moved", Location=self.url("/elsewhere/image.bin"))

    def _token_expired(self, connection, request, _number):
        self.revoke()
        return self._right(connection, request)

    def _refused(self, connection, _request, number):
        return self._status(connection, [400, 401, 404, 409, 410, 416][int(6 * number)], "Refused")

    def _condition_failed(self, connection, request, _number):
        if request.if_match:
            with self.state:
                self.voids += 1
        return self._status(connection, 412, "ConditionNotMet")

    def _busy(self, connection, _request, number):
        statuses = [408, 429, 500, 502, 503, 504]
        return self._status(connection, statuses[int(6 * number)], "ServerBusy")

    def _busy_until(self, connection, _request, number):
        with self.state:
            self._not_before = time.monotonic() + 0.95
        return self._status(connection, 429 if number < 0.5 else 503, "Busy", Retry_After=1)

    def _busy_oddly(self, connection, _request, number):
        words = ["-5", "soon", "0", "99999999999999999999999x", "Thu, 01 Jan 1970 00:00:00 GMT"]
        return self._status(connection, 503, "Busy", Retry_After=words[int(5 * number)])


ANSWERS = """drop_reset drop_end drop_in_head stall stall_before_head trickle slow_start whole
    whole_without_length login_page wrong_first wrong_total bad_range longer shorter other_part
    changed_etag changed_content garbage huge_head redirect token_expired refused condition_failed
    busy busy_until busy_oddly chunked early_hints overrun""".split()
PLACES = {"blob.connection": CONNECTIONS, "blob.answer": ANSWERS}
# The agent waits for a renewed offer after these.
FINAL_ANSWERS = {"wrong_total", "redirect", "token_expired", "refused"}
