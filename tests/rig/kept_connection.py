"""One HTTPS connection with the hub's service REST that is kept, for many calls in a row."""

import http.client
import json

# What a killed or stopping hub does to a client.
LOST = (OSError, http.client.HTTPException)

TIMEOUT_S = 30


class KeptConnection:
    """Calls the hub with the tokens of a Service.

    Raises one of LOST when the connection breaks; the next call connects again.
    """

    def __init__(self, service):
        self._service = service
        host, port = service.hub_host.rsplit(":", 1)
        self._connection = http.client.HTTPSConnection(
            host, int(port), context=service.tls, timeout=TIMEOUT_S
        )

    def call(self, method, path, body=None, if_match=None):
        """(status, document); the document is None if the answer has no JSON."""
        try:
            self._connection.request(
                method,
                self._service.target_of(path),
                None if body is None else json.dumps(body),
                self._service.headers_for(path, if_match),
            )
            answer = self._connection.getresponse()
            content = answer.read()
        except LOST:
            self._connection.close()
            raise
        is_json = "json" in (answer.getheader("Content-Type") or "")
        return answer.status, json.loads(content) if content and is_json else None

    def close(self):
        self._connection.close()
