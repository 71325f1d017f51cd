"""A TLS server at the loopback address that can be away, silent, or somebody else.

One thread for each connection; what a connection does is the business of the servers built on it.
"""

import contextlib
import socket
import struct
import threading

CONNECTIONS = "reset end silent no_tls away aborted wrong_name wrong_authority".split()
ACCEPTED_MAX_S = 60.0  # no connection of a test lives longer than this without a byte


class Identities:
    """The right server, and two wrong ones."""

    def __init__(self, certificates, strangers):
        self.ca = str(certificates.authority[0])
        self.right = certificates.context("server")
        self.wrong_name = certificates.context("elsewhere", "DNS:elsewhere.invalid")
        self.wrong_authority = strangers.context("stranger")


class Listener:
    """Subclasses say what happens on a connection: serve(connection)."""

    PLACE = ""  # prefix of the places where faults strike

    def __init__(self, identities, script):
        self._identities = identities
        self.script = script
        self.stopped = threading.Event()
        self._lock = threading.Lock()
        self._open = set()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._accept_in_thread(self._socket)

    def close(self):
        self.stopped.set()
        self._stop_listening()
        self.drop_all()

    def drop_all(self):
        """Resets every connection."""
        with self._lock:
            for connection in self._open:
                reset(connection)

    def go_away(self, seconds):
        """Nobody listens at the port for a while."""
        self._stop_listening()
        self.drop_all()
        threading.Timer(seconds, self._come_back).start()

    def pause(self, seconds):
        """A server that takes its time; the end of the test ends it."""
        self.stopped.wait(seconds)

    def _come_back(self):
        with self._lock:
            if self.stopped.is_set() or self._socket is not None:
                return
            self._socket = socket.create_server(("127.0.0.1", self.port))
        self._accept_in_thread(self._socket)

    def _stop_listening(self):
        with self._lock:
            if self._socket is None:
                return
            # close() alone does not wake a thread that waits in accept().
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()
            self._socket = None

    def _accept_in_thread(self, listening):
        threading.Thread(target=self._accept, args=(listening,), daemon=True).start()

    def _accept(self, listening):
        while True:
            try:
                plain, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=self._welcome, args=(plain,), daemon=True).start()

    def _welcome(self, plain):
        plain.settimeout(ACCEPTED_MAX_S)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self._open.add(plain)
        connection = plain
        try:
            connection = self._handshake(plain)
            if connection is not None:
                with self._lock:
                    self._open.add(connection)
                self.serve(connection)
        except OSError:
            pass  # The peer has gone, or was sent away.
        finally:
            with self._lock:
                self._open -= {plain, connection}
            plain.close()
            if connection is not None:
                connection.close()

    def _handshake(self, plain):
        fault = self.script.next(f"{self.PLACE}.connection")
        kind = fault.kind if fault else "none"
        context = self._identities.right
        if kind == "reset":
            return reset(plain)
        if kind == "end":
            return None
        if kind == "silent":
            wait_for_end(plain)
            return None
        if kind == "no_tls":
            plain.sendall(b"220 welcome\r\n" * 3)
            return None
        if kind == "away":
            self.go_away(0.2 + fault.number)
            return None
        if kind == "aborted":
            plain.recv(int(1 + 100 * fault.number))
            return reset(plain)
        if kind == "wrong_name":
            context = self._identities.wrong_name
        if kind == "wrong_authority":
            context = self._identities.wrong_authority
        return context.wrap_socket(plain, server_side=True)

    def serve(self, connection):
        raise NotImplementedError


def reset(connection):
    """Ends a connection with a reset instead of a clean end, at once for whoever waits on it."""
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # Not the TLS socket's own shutdown(): it would let a waiting thread read without TLS.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


def wait_for_end(connection):
    """Silence until the peer gives up."""
    with contextlib.suppress(OSError):
        while connection.recv(4096):
            pass
