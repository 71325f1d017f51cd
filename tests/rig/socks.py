"""A SOCKS5 relay on loopback: the network of one device, which can be taken away and given back.

Only CONNECT without authentication (RFC 1928), which is what agents use. Cutting the network resets
every connection and refuses new ones, like a link that is down.
"""

import selectors
import socket
import struct
import threading


class Relay:
    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._open = set()
        self._connected = True
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self):
        with self._lock:
            self._connected = False
            for end in self._open:
                # Linger 0 makes close() send a reset instead of a clean end.
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                end.shutdown(socket.SHUT_RDWR)

    def restore(self):
        with self._lock:
            self._connected = True

    def close(self):
        self.cut()
        self._listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        server = None
        try:
            server = self._handshake(client)
            if server is not None:
                self._pump(client, server)
        except OSError:
            pass
        finally:
            with self._lock:
                self._open -= {client, server}
            client.close()
            if server is not None:
                server.close()

    def _handshake(self, client):
        with self._lock:
            if not self._connected:
                return None
            self._open.add(client)
        methods = _exactly(client, 2)[1]
        _exactly(client, methods)
        client.sendall(b"\x05\x00")
        _, command, _, kind = _exactly(client, 4)
        if kind == 1:
            host = socket.inet_ntoa(_exactly(client, 4))
        elif kind == 3:
            host = _exactly(client, _exactly(client, 1)[0]).decode()
        else:
            host = socket.inet_ntop(socket.AF_INET6, _exactly(client, 16))
        port = struct.unpack(">H", _exactly(client, 2))[0]
        if command != 1:
            return None
        server = socket.create_connection((host, port), timeout=10)
        server.settimeout(None)
        with self._lock:
            self._open.add(server)
        client.sendall(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
        return server

    @staticmethod
    def _pump(client, server):
        with selectors.DefaultSelector() as selector:
            selector.register(client, selectors.EVENT_READ, server)
            selector.register(server, selectors.EVENT_READ, client)
            while True:
                for key, _ in selector.select():
                    data = key.fileobj.recv(65536)
                    if not data:
                        return
                    key.data.sendall(data)


def _exactly(end, count):
    data = b""
    while len(data) < count:
        piece = end.recv(count - len(data))
        if not piece:
            raise OSError("closed during the SOCKS handshake")
        data += piece
    return data
