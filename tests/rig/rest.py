"""The hub's REST interface as any tool of Azure would use it, with tokens made here."""

import base64
import hashlib
import hmac
import json
import re
import ssl
import time
import urllib.parse
import urllib.request

API_VERSION = "2021-04-12"
BLOB_VERSION = "2021-12-02"
TOKEN_LIFE_S = 600


class Service:
    """Calls one hub with what its profile holds."""

    def __init__(self, profile):
        text = profile.read_text()

        def of(name):
            return re.search(rf"^{name} *= *['\"](.*)['\"]$", text, re.MULTILINE).group(1)

        self.iothub_connection_string = of("iothub_connection_string")
        self._hub = _parts(self.iothub_connection_string)
        self._dps = _parts(of("dps_connection_string"))
        self._storage = _parts(of("storage_connection_string"))
        self.storage_account = (self._storage["AccountName"], self._storage["AccountKey"])
        self.tls = ssl.create_default_context(cafile=of("ca_file"))
        # What must never be seen in a log.
        self.secrets = [
            self._hub["SharedAccessKey"],
            self._dps["SharedAccessKey"],
            self._storage["AccountKey"],
            of("enrollment_group_key"),
        ]

    # ---- IoT Hub ----
    def twin(self, device):
        return self._call(self._hub, "GET", f"twins/{device}")

    def reported(self, device):
        return self.twin(device)["properties"]["reported"].get("extFwInfo", {})

    def desire(self, device, offer):
        """Merges into the desired property extFwInfo; None removes it."""
        self._call(
            self._hub,
            "PATCH",
            f"twins/{device}",
            {"properties": {"desired": {"extFwInfo": offer}}},
        )

    def query(self, text):
        return self._call(self._hub, "POST", "devices/query", {"query": text})

    def configurations(self):
        return self._call(self._hub, "GET", "configurations")

    def configuration(self, identity):
        return self._call(self._hub, "GET", f"configurations/{identity}")

    def put_configuration(self, configuration):
        """Only over the state that was read."""
        path = f"configurations/{configuration['id']}"
        self._call(self._hub, "PUT", path, configuration, if_match=configuration["etag"])

    def create_configuration(self, document):
        self._call(self._hub, "PUT", f"configurations/{document['id']}", document)

    def get_blob(self, url, path):
        """The bytes at an address of ours, whose place in the account is `path`."""
        with urllib.request.urlopen(
            f"{url}?{self.blob_token(path)}", context=self.tls, timeout=30
        ) as answer:
            return answer.read()

    def delete_configuration(self, identity):
        self._call(self._hub, "DELETE", f"configurations/{identity}", if_match="*")

    def create_devices(self, items):
        """Identities in bulk, a hundred with each call."""
        for first in range(0, len(items), 100):
            done = self._call(self._hub, "POST", "devices", items[first : first + 100])
            if not done["isSuccessful"]:
                raise AssertionError(done["errors"])

    # ---- DPS ----
    def create_enrollments(self, items):
        """Individual enrollments in bulk, ten with each call."""
        for first in range(0, len(items), 10):
            body = {"mode": "create", "enrollments": items[first : first + 10]}
            done = self._call(self._dps, "POST", "enrollments", body)
            if not done["isSuccessful"]:
                raise AssertionError(done["errors"])

    def put_enrollment(self, registration_id, attestation, tags):
        body = {
            "registrationId": registration_id,
            "attestation": attestation,
            "initialTwin": {"tags": tags, "properties": {"desired": {}}},
        }
        self._call(self._dps, "PUT", f"enrollments/{registration_id}", body)

    def put_enrollment_group(self, name, attestation, tags):
        body = {
            "enrollmentGroupId": name,
            "attestation": attestation,
            "initialTwin": {"tags": tags, "properties": {"desired": {}}},
        }
        self._call(self._dps, "PUT", f"enrollmentGroups/{name}", body)

    def registration(self, registration_id):
        return self._call(self._dps, "GET", f"registrations/{registration_id}")

    # ---- blobs ----
    def put_blob(self, path, content):
        self._blob("PUT", path, content)

    def delete_blob(self, path):
        self._blob("DELETE", path)

    def blob_url(self, path):
        return f"{self._storage['BlobEndpoint'].rstrip('/')}/{path}"

    def blob_token(self, path, *, permissions="r", life_s=TOKEN_LIFE_S):
        """A service SAS for one blob; a negative life has expired."""
        expiry = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + life_s))
        resource = f"/blob/{self._storage['AccountName']}/{path}"
        to_sign = [permissions, "", expiry, resource, "", "", "https", BLOB_VERSION, "b"]
        to_sign += [""] * 7  # snapshot, encryption scope, five response headers
        signature = _sign(self._storage["AccountKey"], "\n".join(to_sign))
        fields = {
            "sv": BLOB_VERSION,
            "spr": "https",
            "se": expiry,
            "sr": "b",
            "sp": permissions,
            "sig": signature,
        }
        return urllib.parse.urlencode(fields)

    def _blob(self, method, path, content=None):
        url = f"{self.blob_url(path)}?{self.blob_token(path, permissions='rcwd')}"
        headers = {"x-ms-blob-type": "BlockBlob"} if method == "PUT" else {}
        request = urllib.request.Request(url, data=content, method=method, headers=headers)
        urllib.request.urlopen(request, context=self.tls, timeout=30).close()

    def _call(self, service, method, path, body=None, if_match=None):
        request = urllib.request.Request(
            f"https://{service['HostName']}{self.target_of(path)}",
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers=_headers(service, if_match),
        )
        with urllib.request.urlopen(request, context=self.tls, timeout=30) as answer:
            content = answer.read()
        return json.loads(content) if content else None

    # ---- for connections of another kind ----
    @property
    def hub_host(self):
        return self._hub["HostName"]

    @staticmethod
    def target_of(path):
        return f"/{path}?api-version={API_VERSION}"

    def headers_for(self, path, if_match=None):
        """With a token of the service that owns the path."""
        is_dps = path.startswith(("enrollment", "registration"))
        return _headers(self._dps if is_dps else self._hub, if_match)


def _headers(service, if_match):
    host = service["HostName"]
    expiry = int(time.time()) + TOKEN_LIFE_S
    resource = urllib.parse.quote(host, safe="")
    token = urllib.parse.urlencode(
        {
            "sr": host,
            "sig": _sign(service["SharedAccessKey"], f"{resource}\n{expiry}"),
            "se": expiry,
            "skn": service["SharedAccessKeyName"],
        }
    )
    headers = {
        "Authorization": f"SharedAccessSignature {token}",
        "Content-Type": "application/json",
    }
    if if_match:
        headers["If-Match"] = f'"{if_match}"'
    return headers


def _parts(connection_string):
    return dict(part.split("=", 1) for part in connection_string.split(";") if part)


def _sign(key, text):
    digest = hmac.new(base64.b64decode(key), text.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()
