"""What the operator's verbs send, held against the facts of Azure's interfaces.

Every verb runs once against a recorder in front of the local hub. Each recorded request must be one
of RULES, which say what Microsoft's references and SDKs say, not what our clients happen to do;
signatures are computed again here. A verb or a request that nobody has described fails.
"""

import base64
import dataclasses
import email.utils
import hashlib
import hmac
import json
import os
import re
import time
import unittest
import urllib.parse
from typing import Callable

from operator_rig import HubCase, Operator
from rig.certificates import Certificates
from rig.https_server import Forwarder, HttpsServer
from rig.rest import Service
from verbs import all_verbs

HUB_VERSION = "2021-04-12"  # of the service SDKs for Node, Python and C#
DPS_VERSION = "2021-10-01"  # of Node's provisioning service SDK and the Azure CLI
BLOB_VERSION = "2021-12-02"
HUB, DPS, BLOB = "hub", "dps", "blob"

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
# One segment of a path: percent-encoded by encodeURIComponent's rules, or stricter.
SEGMENT = r"(?:[A-Za-z0-9._~!*'()-]|%[0-9A-Fa-f]{2})+"
NONE, ANY = "absent", "absent, '*' or a quoted etag"


def members(required, optional=()):
    """A body whose members are these and no others."""

    def check(body):
        document = json.loads(body)
        missing = set(required) - set(document)
        unknown = set(document) - set(required) - set(optional)
        if missing or unknown:
            raise AssertionError(f"the body lacks {missing} or has unknown {unknown}")
        return document

    return check


def configuration(body):
    document = members(
        ("id", "schemaVersion", "content", "targetCondition", "priority"),
        ("labels", "metrics"))(body)
    if document["id"] != document["id"].lower() or len(document["id"]) > 128:
        raise AssertionError("an id of a configuration is at most 128 characters in lower case")
    content = document["content"]
    if set(content) != {"deviceContent"}:
        raise AssertionError("only content for devices is offered")
    if not all(path.startswith("properties.desired") for path in content["deviceContent"]):
        raise AssertionError("device content lies below properties.desired")
    if not isinstance(document["priority"], int) or document["priority"] < 0:
        raise AssertionError("a priority is a number from 0")
    if len(document.get("metrics", {}).get("queries", {})) > 5:
        raise AssertionError("a configuration has at most five metrics")
    for name, value in document.get("labels", {}).items():
        if not isinstance(value, str) or max(len(name), len(value)) > 128:
            raise AssertionError(f"label {name} is no text of at most 128 characters")


def query(body):
    if len(members(("query",))(body)["query"]) > 8192:
        raise AssertionError("a query has at most 8192 characters")


def twin_patch(body):
    document = members((), ("tags", "properties"))(body)
    if set(document.get("properties", {})) - {"desired"}:
        raise AssertionError("a service writes tags and desired properties only")


def method(body):
    document = members(("methodName", "payload"),
                       ("responseTimeoutInSeconds", "connectTimeoutInSeconds"))(body)
    if not 5 <= document.get("responseTimeoutInSeconds", 30) <= 300:
        raise AssertionError("a method's time-out is 5 to 300 s")


def enrollment(id_member):
    known = ("provisioningStatus", "initialTwin", "reprovisionPolicy", "allocationPolicy",
             "iotHubs", "iotHubHostName", "capabilities", "deviceId", "customAllocationDefinition",
             "optionalDeviceInformation")

    def check(body):
        document = members((id_member, "attestation"), known)(body)
        attestation = document["attestation"]
        if attestation["type"] not in ("symmetricKey", "x509", "tpm"):
            raise AssertionError("no type of attestation")
        if attestation["type"] not in attestation:
            raise AssertionError("the attestation lacks what its type names")

    return check


def blocks(body):
    if not re.fullmatch(rb'<\?xml version="1.0" encoding="utf-8"\?><BlockList>'
                        rb"(<Latest>[A-Za-z0-9+/=]+</Latest>)+</BlockList>", body):
        raise AssertionError("no list of blocks")


@dataclasses.dataclass
class Rule:
    service: str
    method: str
    path: str  # {} stands for one segment
    query: dict = dataclasses.field(default_factory=dict)  # beside the version; name to pattern
    if_match: str = NONE
    body: Callable = None
    headers: dict = dataclasses.field(default_factory=dict)  # name to pattern

    def fits(self, service, request, queries):
        pattern = re.escape(self.path).replace(r"\{\}", SEGMENT).replace(r"\{\*\}",
                                                                         f"{SEGMENT}(/{SEGMENT})*")
        return (service == self.service and request.method == self.method
                and re.fullmatch(pattern, request.path) is not None
                and set(queries) == set(self.query))


MD5 = r"[A-Za-z0-9+/]{22}=="
JSON_PAGES = {"x-ms-max-item-count": r"[1-9][0-9]?|100"}

RULES = [
    Rule(HUB, "GET", "/configurations", {"top": r"[1-9][0-9]?|100"}),
    Rule(HUB, "PUT", "/configurations/{}", if_match=ANY, body=configuration),
    Rule(HUB, "DELETE", "/configurations/{}", if_match=ANY),
    Rule(HUB, "POST", "/devices/query", body=query, headers=JSON_PAGES),
    Rule(HUB, "GET", "/devices/{}"),
    Rule(HUB, "PUT", "/devices/{}", body=members(("deviceId",))),
    Rule(HUB, "DELETE", "/devices/{}", if_match=ANY),
    Rule(HUB, "GET", "/statistics/devices"),
    Rule(HUB, "GET", "/twins/{}"),
    Rule(HUB, "PATCH", "/twins/{}", if_match=ANY, body=twin_patch),
    Rule(HUB, "POST", "/twins/{}/methods", body=method),
    Rule(DPS, "GET", "/enrollments/{}"),
    Rule(DPS, "PUT", "/enrollments/{}", if_match=ANY, body=enrollment("registrationId")),
    Rule(DPS, "DELETE", "/enrollments/{}", if_match=ANY),
    Rule(DPS, "POST", "/enrollments/query", body=query),
    Rule(DPS, "POST", "/enrollments/{}/attestationmechanism"),
    Rule(DPS, "GET", "/enrollmentGroups/{}"),
    Rule(DPS, "PUT", "/enrollmentGroups/{}", if_match=ANY, body=enrollment("enrollmentGroupId")),
    Rule(DPS, "DELETE", "/enrollmentGroups/{}", if_match=ANY),
    Rule(DPS, "POST", "/enrollmentGroups/query", body=query),
    Rule(DPS, "POST", "/enrollmentGroups/{}/attestationmechanism"),
    Rule(BLOB, "PUT", "/{}", {"restype": "container"}),
    Rule(BLOB, "HEAD", "/{}", {"restype": "container"}),
    Rule(BLOB, "HEAD", "/{}/{*}"),
    Rule(BLOB, "GET", "/{}/{*}", if_match=ANY, headers={"x-ms-range": r"bytes=\d+-\d+"}),
    Rule(BLOB, "DELETE", "/{}/{*}"),
    Rule(BLOB, "PUT", "/{}/{*}",
         headers={"x-ms-blob-type": "BlockBlob", "If-None-Match": r"\*", "Content-Type": ".+"}),
    Rule(BLOB, "PUT", "/{}/{*}", {"comp": "block", "blockid": r"[A-Za-z0-9%]+"},
         headers={"Content-MD5": MD5}),
    Rule(BLOB, "PUT", "/{}/{*}", {"comp": "blocklist"}, body=blocks,
         headers={"x-ms-blob-content-md5": MD5, "If-None-Match": r"\*"}),
]

# Of the local hub only: Azure has AMQP for these.
OURS = {("GET", r"/\$local/events"), ("POST", f"/devices/{SEGMENT}/messages/devicebound")}

# Verbs that send nothing, or serve.
SILENT = {("hub",), ("sim", "power-cut"), ("sim", "faults"), ("version",),
          ("enrollment", "device-key")}

# (verb, the rest of the command line, exit code). In this order, as an operator's day goes.
DAY = [
    (("doctor",), ("--write",), 0),
    (("enrollment", "create"), ("group", "plant", "--product", "pump", "--group", "lab",
                                "--key-file", "{folder}/plant.key"), 0),
    (("enrollment", "create"), ("individual", "pump-9", "--product", "pump"), 0),
    (("enrollment", "create"), ("group", "ca", "--certificate", "{folder}/ca.pem"), 0),
    (("enrollment", "list"), (), 0),
    (("enrollment", "show"), ("group", "plant"), 0),
    (("enrollment", "show"), ("individual", "pump-9", "--key-file", "{folder}/pump-9.key"), 0),
    (("enrollment", "disable"), ("group", "plant"), 0),
    (("enrollment", "enable"), ("group", "plant"), 0),
    (("enrollment", "disable"), ("group", "ca"), 0),
    (("enrollment", "delete"), ("individual", "pump-9", "--yes"), 0),
    (("enrollment", "delete"), ("group", "ca", "--yes"), 0),
    (("device", "create"), ("d#1'%", "--product", "pump", "--group", "lab",
                            "--key-file", "{folder}/d1.key"), 0),
    (("device", "create"), ("d2", "--key-file", "{folder}/d2.key"), 0),
    (("device", "list"), ("--product", "pump", "--not-version", "3"), 0),
    (("device", "show"), ("d#1'%",), 0),
    (("device", "tag"), ("d2", "--product", "pump", "--group", "o'hara"), 0),
    (("device", "call"), ("d2", "reboot", '{"delay":1}'), 3),
    (("device", "send"), ("d2", "hello"), 0),
    (("hub", "events"), ("--from-start", "--count", "1"), 0),
    (("deploy",), ("{folder}/small.bin", "1", "pump", "lab"), 0),
    (("deploy",), ("{folder}/large.bin", "2", "pump", "lab"), 0),
    (("deploy",), ("{folder}/small.bin", "3", "pump", "lab", "--mcu-version", "1"), 0),
    (("deploy",), ("{folder}/small.bin", "4", "pump", "lab", "--dry-run"), 0),
    (("pause",), ("pump", "lab"), 0),
    (("resume",), ("{rollout}",), 0),
    (("retry",), ("pump", "lab", "3"), 0),
    (("renew",), ("pump", "lab", "-d", "60"), 0),
    (("rollback",), ("pump", "lab", "--to", "2", "--yes"), 0),
    (("doctor",), ("--write",), 0),
    (("status",), (), 0),
    (("status",), ("{rollout}",), 0),
    (("list",), (), 0),
    (("show",), ("pump", "lab"), 0),
    (("show",), ("{rollout}", "--all"), 0),
    (("watch",), ("{rollout}", "--once"), 0),
    (("watch",), ("--once",), 0),
    (("watch",), ("pump", "lab", "--timeout", "1s"), 8),
    (("explain",), ("d#1'%",), 0),
    (("abort",), ("pump", "lab", "--yes"), 0),
    (("device", "delete"), ("d2", "--yes"), 0),
]


def signed(key, text):
    digest = hmac.new(base64.b64decode(key), text.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def parts(connection_string):
    return dict(part.split("=", 1) for part in connection_string.split(";") if part)


class Wire(HubCase):
    def setUp(self):
        super().setUp()
        service = Service(self.site.profile)
        certificates = Certificates(self.folder, "recorder")
        self.recorder = HttpsServer(certificates, Forwarder(service.hub_host, service.tls))
        self.addCleanup(self.recorder.close)
        with open(self.site.profile, encoding="utf-8") as file:
            text = file.read()
        self.ours = {name: parts(re.search(rf"(?m)^{name} = '(.*)'$", text)[1]) for name in (
            "iothub_connection_string", "dps_connection_string", "storage_connection_string")}
        trusted = certificates.authority[0].read_bytes()
        with open(self.facts["ca"], "rb") as file:
            trusted += file.read()  # of the endpoint for devices, which is not recorded
        ca_file = self.file("trusted.pem", trusted)
        text = text.replace(service.hub_host, self.recorder.host)
        text = re.sub(r"(?m)^ca_file = .*$", f"ca_file = '{ca_file}'", text)
        profile = self.file("recorded.toml", text.encode())
        os.chmod(profile, 0o600)
        self.recorded = Operator(profile)
        self.account = self.ours["storage_connection_string"]["AccountName"]
        self.file("small.bin", b"firmware")
        self.file("large.bin", os.urandom(5 * 1024 * 1024))
        self.file("ca.pem", certificates.authority[0].read_bytes())

    def test_each_verb_sends_what_azure_understands(self):
        seen = set()
        for verb, rest, expected in DAY:
            words = [self.filled_in(word) for word in rest]
            with self.subTest(verb=" ".join((*verb, *words))):
                code, out, error = self.recorded.call(*verb, *words)
                self.assertEqual(code, expected, out + error)
                requests = self.recorder.take_requests()
                self.assertGreater(len(requests), 0)
                for request in requests:
                    seen.add(self.check(request))
        self.assertEqual(set(all_verbs()) - {verb for verb, _, _ in DAY} - SILENT, set(),
                         "verbs whose requests nobody has looked at")
        self.assertEqual([rule for index, rule in enumerate(RULES) if index not in seen], [],
                         "rules that no request followed")

    def filled_in(self, word):
        if word == "{rollout}":  # the newest
            releases = self.operator.json("status")[1]["releases"]
            return releases[0]["configuration"]
        return word.replace("{folder}", self.folder)

    # ---- one request ----
    def check(self, request):
        """The number of its rule; None for what only the local hub understands."""
        shown = f"{request.method} {request.target}"
        for verb, pattern in OURS:
            if request.method == verb and re.fullmatch(pattern, request.path):
                self.check_token(request, "iothub_connection_string")
                return None
        if request.header("Authorization") is None:
            # doctor asks for the time of a service, with no key.
            self.assertEqual(shown, "GET /devices/clock?api-version=" + HUB_VERSION)
            return None
        service, queries = self.service_of(request), self.queries_of(request, shown)
        index = next((i for i, rule in enumerate(RULES) if rule.fits(service, request, queries)),
                     None)
        self.assertIsNotNone(index, f"nobody has described {shown}")
        rule = RULES[index]
        for name, pattern in rule.query.items():
            self.assertRegex(queries[name], f"^(?:{pattern})$", shown)
        for name, pattern in rule.headers.items():
            self.assertRegex(request.header(name) or "", f"^(?:{pattern})$", f"{name} of {shown}")
        self.check_if_match(request, rule, shown)
        if service == BLOB:
            self.check_blob(request, shown)
        else:
            self.check_json_service(request, service, shown)
        if rule.body:
            rule.body(request.body)
        elif service != BLOB:
            self.assertEqual(request.body, b"", shown)
        return index

    def service_of(self, request):
        first = request.path.split("/")[1]
        if first == self.account:
            request.target = request.target[len(self.account) + 1:]
            return BLOB
        return DPS if first in ("enrollments", "enrollmentGroups", "registrations") else HUB

    def queries_of(self, request, shown):
        fields = [field.partition("=") for field in request.query.split("&") if field]
        names = [name for name, _, _ in fields]
        self.assertEqual(len(names), len(set(names)), shown)
        queries = {name: value for name, _, value in fields}
        queries.pop("api-version", None)
        return queries

    def check_if_match(self, request, rule, shown):
        value = request.header("If-Match")
        if rule.if_match == NONE:
            self.assertIsNone(value, shown)
        elif value is not None:
            self.assertRegex(value, r'^(\*|"[^"]+")$', shown)

    def check_json_service(self, request, service, shown):
        version = HUB_VERSION if service == HUB else DPS_VERSION
        self.assertIn(f"api-version={version}", request.query.split("&"), shown)
        self.assertRegex(request.header("Request-Id") or "", UUID, shown)
        self.assertEqual(request.header("Accept"), "application/json", shown)
        if request.body:
            self.assertEqual(request.header("Content-Type"), "application/json; charset=utf-8")
            json.loads(request.body)
        self.check_token(request, "iothub_connection_string" if service == HUB
                         else "dps_connection_string")

    def check_token(self, request, connection_string):
        """Control access to IoT Hub with shared access signatures."""
        ours = self.ours[connection_string]
        match = re.fullmatch(r"SharedAccessSignature sr=([^&]+)&sig=([^&]+)&se=(\d+)&skn=([^&]+)",
                             request.header("Authorization"))
        self.assertIsNotNone(match, request.header("Authorization"))
        resource, signature, expiry, policy = match.groups()
        self.assertEqual(resource, urllib.parse.quote(self.recorder.host, safe=""))
        self.assertEqual(policy, ours["SharedAccessKeyName"])
        self.assertTrue(60 < int(expiry) - time.time() <= 3600 + 60)
        self.assertEqual(urllib.parse.unquote(signature),
                         signed(ours["SharedAccessKey"], f"{resource}\n{expiry}"))

    def check_blob(self, request, shown):
        self.assertEqual(request.header("x-ms-version"), BLOB_VERSION, shown)
        self.assertRegex(request.header("x-ms-client-request-id") or "", UUID, shown)
        date = request.header("x-ms-date")
        self.assertLess(abs(email.utils.parsedate_to_datetime(date).timestamp() - time.time()),
                        900, shown)
        self.assertTrue(date.endswith(" GMT"), date)
        signature = signed(self.ours["storage_connection_string"]["AccountKey"],
                           self.shared_key_text(request))
        self.assertEqual(request.header("Authorization"),
                         f"SharedKey {self.account}:{signature}", shown)
        if request.header("Content-MD5"):
            digest = base64.b64encode(hashlib.md5(request.body).digest()).decode()
            self.assertEqual(request.header("Content-MD5"), digest, shown)

    def shared_key_text(self, request):
        """Authorize with Shared Key: the string to sign."""
        fixed = ("Content-Encoding", "Content-Language", "Content-Length", "Content-MD5",
                 "Content-Type", "Date", "If-Modified-Since", "If-Match", "If-None-Match",
                 "If-Unmodified-Since", "Range")
        lines = [request.method]
        for name in fixed:
            value = request.header(name) or ""
            lines.append("" if name == "Content-Length" and value == "0" else value)
        lines += sorted(f"{name.lower()}:{value.strip()}" for name, value in request.headers
                        if name.lower().startswith("x-ms-"))
        # With the account in the path it stands there twice.
        lines.append(f"/{self.account}/{self.account}{request.path}")
        queries = urllib.parse.parse_qsl(request.query, keep_blank_values=True)
        lines += [f"{name.lower()}:{value}" for name, value in sorted(queries)]
        return "\n".join(lines)


if __name__ == "__main__":
    unittest.main()
