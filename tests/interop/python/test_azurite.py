"""The same requests to the local hub and to Azurite: what differs must be explained, line by line.

A difference that blob_differences.py does not explain fails, and so does an explanation that no
difference needs any more. `python3 -m tests.interop.run BUILD python test_azurite.py` runs it.
"""

import fnmatch
import os
import re
import ssl
import unittest
import xml.etree.ElementTree

import blob_differences
import blob_requests
import blob_wire
import hub
from azurite import Azurite

HEADERS = (
    "accept-ranges", "cache-control", "content-disposition", "content-encoding", "content-language",
    "content-length", "content-md5", "content-range", "content-type", "etag", "last-modified",
    "www-authenticate", "x-ms-access-tier", "x-ms-access-tier-inferred", "x-ms-account-kind",
    "x-ms-blob-content-length", "x-ms-blob-content-md5", "x-ms-blob-public-access",
    "x-ms-blob-type", "x-ms-client-request-id", "x-ms-content-crc64", "x-ms-creation-time",
    "x-ms-delete-type-permanent", "x-ms-error-code", "x-ms-has-immutability-policy",
    "x-ms-has-legal-hold", "x-ms-lease-state", "x-ms-lease-status", "x-ms-meta-*",
    "x-ms-request-id", "x-ms-request-server-encrypted", "x-ms-server-encrypted", "x-ms-sku-name",
    "x-ms-version",
)
# Their values differ from one run to the next; that they are there is compared.
FLEETING_HEADERS = {"etag", "last-modified", "x-ms-creation-time", "x-ms-request-id"}
FLEETING_ELEMENTS = {"Etag", "Last-Modified", "Creation-Time"}
SOME = "(some)"


def account_of(connection_string):
    parts = hub.parts_of(connection_string.rstrip(";"))
    return blob_wire.Account(parts["AccountName"], parts["AccountKey"])


# ---- One answer as comparable fields ----
def xml_fields(element, path, out):
    """Texts and attributes by path; brothers of one name are numbered."""
    text = (element.text or "").strip()
    if element.tag in FLEETING_ELEMENTS and text:
        text = SOME
    if element.tag == "NextMarker" and text:
        text = SOME
    if path in ("body/Error/Message", "body/Error/AuthenticationErrorDetail"):
        text = SOME  # For people.
    if text:  # An empty element says what a missing one says.
        out[path] = text
    for name, value in element.attrib.items():
        # Names the host and port of the server.
        out[f"{path}@{name}"] = SOME if name == "ServiceEndpoint" else value
    numbers = {}
    for child in element:
        number = numbers[child.tag] = numbers.get(child.tag, 0) + 1
        suffix = "" if number == 1 else f"#{number}"
        xml_fields(child, f"{path}/{child.tag}{suffix}", out)


def outcome_of(answer):
    """Status and error code: where these differ, everything else does too, and says no more."""
    return f"{answer.status} {answer.headers.get('x-ms-error-code', '')}".rstrip()


def fields_of(answer):
    out = {}
    is_xml = answer.headers.get("content-type", "").startswith("application/xml") and answer.body
    for name, value in answer.headers.items():
        if not any(fnmatch.fnmatchcase(name, pattern) for pattern in HEADERS):
            continue
        if is_xml and name == "content-length":
            continue  # The texts in the XML are compared.
        out[name] = SOME if name in FLEETING_HEADERS else value
    if is_xml:
        root = xml.etree.ElementTree.fromstring(answer.body)
        xml_fields(root, f"body/{root.tag}", out)
    else:
        out["body"] = answer.body.decode("latin-1")
    return out


def differences(ours, theirs):
    """(field, value, value) for each."""
    left, right = outcome_of(ours), outcome_of(theirs)
    if left != right:
        return [("outcome", left, right)]
    left, right = fields_of(ours), fields_of(theirs)
    pairs = [(field, left.get(field), right.get(field)) for field in sorted({*left, *right})]
    return [(field, one, other) for field, one, other in pairs if one != other]


class Player:
    """Sends the requests to one server and keeps what later ones need of its answers."""

    def __init__(self, server):
        self.server = server
        self.seen = {}

    def play(self, request):
        account = self.server.account
        headers = {name: self._filled(value) for name, value in request.headers.items()}
        target = f"/{account.name}{request.target}"
        if request.sign == "key":
            answer = self.server.call(request.method, target, headers, request.body)
        elif request.sign == "wrong key":
            other = blob_wire.Account(account.name, account.key[::-1].replace("=", "A")[:-2] + "==")
            answer = self.server.call(request.method, target, headers, request.body, other)
        elif request.sign == "wrong account":
            other = blob_wire.Account("somebody", account.key)
            answer = self.server.call(request.method, target, headers, request.body, other)
        else:
            if request.sign != "none":
                target = blob_wire.with_query(target, request.sign(account))
            fields = {"x-ms-date": blob_wire.http_date(), "x-ms-version": blob_wire.VERSION}
            answer = self.server.send(request.method, target, {**fields, **headers}, request.body)
        self.seen[request.name] = answer
        return answer

    def _filled(self, value):
        def fill(found):
            header = {"etag": "etag", "modified": "last-modified"}[found.group(1)]
            return self.seen[found.group(2)].headers[header]

        return None if value is None else re.sub(r"\{(\w+):([^}]*)\}", fill, value)


def fits(value, pattern):
    if value is None or pattern is None:
        return value == pattern
    return fnmatch.fnmatchcase(value, pattern)


def among(name, patterns):
    return any(fnmatch.fnmatchcase(name, one) for one in patterns.split(" | "))


class Explanations:
    def __init__(self, entries):
        self.entries = entries
        self.needed = [False] * len(entries)

    def explain(self, request, field, ours, theirs):
        """Whether a line explains it. Every line that does counts as needed."""
        found = False
        for index, (requests, fields, our_pattern, their_pattern, _) in enumerate(self.entries):
            if not among(request, requests) or not among(field, fields):
                continue
            if fits(ours, our_pattern) and fits(theirs, their_pattern):
                self.needed[index] = found = True
        return found

    def stale(self):
        return [entry for entry, needed in zip(self.entries, self.needed) if not needed]


class AzuriteTest(unittest.TestCase):
    longMessage = False

    @classmethod
    def setUpClass(cls):
        account = account_of(os.environ["STORAGE_CONNECTION_STRING"])
        cls.azurite = Azurite(
            os.environ["AZURITE_BLOB"],
            account,
            os.environ["INTEROP_FOLDER"],
            hub.make_certificate("localhost"),
        )
        cls.addClassCleanup(cls.azurite.stop)
        ours = ssl.create_default_context(cafile=os.environ["HUB_CA"])
        theirs = blob_wire.careless_context()
        cls.hub = blob_wire.Server(hub.HOST, 443, account, ours)
        cls.other = blob_wire.Server("127.0.0.1", cls.azurite.port, account, theirs)
        cls.addClassCleanup(cls.hub.close)
        cls.addClassCleanup(cls.other.close)

    def test_every_difference_is_explained(self):
        requests = blob_requests.all_requests()
        self.assertGreaterEqual(len(requests), 200)
        explanations = Explanations(blob_differences.EXPLAINED)
        ours, theirs = Player(self.hub), Player(self.other)
        unexplained = []
        for request in requests:
            for field, left, right in differences(ours.play(request), theirs.play(request)):
                if not explanations.explain(request.name, field, left, right):
                    unexplained.append(f"{request.name}: {field}: hub {left!r}, azurite {right!r}")
        self.assertFalse(unexplained, "not explained:\n" + "\n".join(unexplained))
        stale = ["; ".join(map(str, entry)) for entry in explanations.stale()]
        self.assertFalse(stale, "explanations that nothing needs:\n" + "\n".join(stale))


if __name__ == "__main__":
    unittest.main()
