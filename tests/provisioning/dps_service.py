"""Enrollment groups of a provisioning service whose authorities the resource-manager double keeps.

The local hub refuses groups that name an authority of an Azure resource, for it has none; this is
the part of DPS that such a group needs: creation, reading and deletion, with the rule that the
authority is one that proved possession of its key. Devices cannot provision themselves here.
"""

import base64
import hashlib
import hmac
import time
import urllib.parse

from tests.provisioning.resources import DPS, demand

VERSION = "2021-10-01"


class DpsService:
    def __init__(self, subscription):
        self._subscription = subscription
        self.groups = {}

    def handle(self, method, name, query, headers, body):
        demand(query.get("api-version") == VERSION, "The api-version is not supported.")
        self._check_token(headers.get("Authorization", ""))
        if method == "PUT":
            demand(name not in self.groups or "If-Match" in headers, "The enrollment exists.", 409,
                   "Conflict")
            self._check_attestation(body.get("attestation", {}))
            self.groups[name] = {**body, "etag": "AA==", "provisioningStatus": "enabled"}
        demand(name in self.groups, f"There is no group '{name}'.", 404, "404203")
        if method == "DELETE":
            return self.groups.pop(name)
        return self.groups[name]

    def _check_token(self, token):
        fields = dict(urllib.parse.parse_qsl(token.partition(" ")[2]))
        encoded = urllib.parse.quote(fields.get("sr", ""), safe="")
        key = base64.b64decode(self._subscription.access.dps_key)
        signed = hmac.new(key, f"{encoded}\n{fields.get('se')}".encode(), hashlib.sha256).digest()
        demand(token.startswith("SharedAccessSignature ")
               and hmac.compare_digest(fields.get("sig", ""), base64.b64encode(signed).decode())
               and int(fields["se"]) > time.time()
               and fields.get("skn") == "provisioningserviceowner",
               "The token is not that of the service.", 401, "401001")

    def _check_attestation(self, attestation):
        demand(attestation.get("type") == "x509", "Only groups with certificates are modelled.")
        name = attestation.get("x509", {}).get("caReferences", {}).get("primary")
        services = [r for g in self._subscription.groups.values() for r in g.resources.values()
                    if r.kind == DPS]
        demand(any(s.certificates.get(name, {}).get("verified") for s in services),
               f"'{name}' is no authority that proved possession of its key.")
