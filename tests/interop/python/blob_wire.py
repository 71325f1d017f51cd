"""Blob Storage over plain HTTP requests: Shared Key and SAS signing, one request, its answer.

Standard library only, and made from the documents: nothing of the SDKs or of the hub is used.
"""

import base64
import dataclasses
import email.utils
import hashlib
import hmac
import http.client
import ssl
import time
import urllib.parse

VERSION = "2021-12-02"
SIGNED_FIELDS = (
    "content-encoding", "content-language", "content-length", "content-md5", "content-type", "date",
    "if-modified-since", "if-match", "if-none-match", "if-unmodified-since", "range",
)


@dataclasses.dataclass(frozen=True)
class Account:
    name: str
    key: str  # base64

    def sign(self, text):
        mac = hmac.new(base64.b64decode(self.key), text.encode(), hashlib.sha256)
        return base64.b64encode(mac.digest()).decode()


def when(seconds_from_now=0):
    """ISO 8601, as SAS fields want it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds_from_now))


def http_date(seconds_from_now=0):
    return email.utils.formatdate(time.time() + seconds_from_now, usegmt=True)


def md5(content):
    return base64.b64encode(hashlib.md5(content).digest()).decode()


def shared_key(account, method, target, headers):
    fields = {name.lower(): " ".join(value.split()) for name, value in headers.items()}
    if fields.get("content-length") == "0":
        fields["content-length"] = ""
    path, _, query = target.partition("?")
    lines = [method, *(fields.get(name, "") for name in SIGNED_FIELDS)]
    lines += [f"{name}:{fields[name]}" for name in sorted(fields) if name.startswith("x-ms-")]
    text = "\n".join(lines) + f"\n/{account.name}{path}"
    parameters = {}
    for pair in filter(None, query.split("&")):
        name, _, value = pair.partition("=")
        name, value = urllib.parse.unquote(name).lower(), urllib.parse.unquote(value)
        parameters.setdefault(name, []).append(value)
    for name in sorted(parameters):
        text += f"\n{name}:{','.join(sorted(parameters[name]))}"
    return f"SharedKey {account.name}:{account.sign(text)}"


def _query(fields, signature):
    given = {name: value for name, value in fields.items() if value}
    return urllib.parse.urlencode({**given, "sig": signature}, quote_via=urllib.parse.quote)


def service_sas(account, path, sr="b", sp="r", **more):
    """`path` is container or container/blob, decoded; `more` are further fields by name."""
    f = {"sv": VERSION, "sr": sr, "sp": sp, "se": when(3600), **more}
    field = lambda *names: [f.get(name, "") for name in names]
    lines = [*field("sp", "st", "se"), f"/blob/{account.name}/{path}"]
    lines += field("si", "sip", "spr", "sv")
    overrides = field("rscc", "rscd", "rsce", "rscl", "rsct")
    if f["sv"] >= "2020-12-06":
        lines += [*field("sr"), "", *field("ses"), *overrides]
    elif f["sv"] >= "2018-11-09":
        lines += [*field("sr"), "", *overrides]
    else:
        lines += overrides
    return _query(f, account.sign("\n".join(lines)))


def account_sas(account, sp="rwdlac", srt="sco", ss="b", **more):
    f = {"sv": VERSION, "ss": ss, "srt": srt, "sp": sp, "se": when(3600), **more}
    names = ["sp", "ss", "srt", "st", "se", "sip", "spr", "sv"]
    names += ["ses"] if f["sv"] >= "2020-12-06" else []
    text = "\n".join([account.name, *(f.get(name, "") for name in names)]) + "\n"
    return _query(f, account.sign(text))


def with_query(target, query):
    return target + ("&" if "?" in target else "?") + query


def careless_context():
    """TLS for a server whose certificate was made for this test, on this machine."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()


class Server:
    """One connection to a Blob service."""

    def __init__(self, host, port, account, context=None):
        self.account = account
        if context is None:
            self._link = http.client.HTTPConnection(host, port, timeout=60)
        else:
            self._link = http.client.HTTPSConnection(host, port, timeout=60, context=context)

    def send(self, method, target, headers=None, body=b""):
        """As it is; the body's length is added unless a header says it."""
        fields = dict(headers or {})
        names = {name.lower() for name in fields}
        framed = names & {"content-length", "transfer-encoding"}
        if not framed and (body or method in ("PUT", "POST")):
            fields["Content-Length"] = str(len(body))
        self._link.putrequest(method, target, skip_accept_encoding=True)
        for name, value in fields.items():
            self._link.putheader(name, value)
        self._link.endheaders(body or None)
        return Answer(self._link.getresponse())

    def begin(self, method, target, headers, body, size):
        """Sends the head and `size` bytes of the body; returns the socket. For a link that ends."""
        fields = {**self._basic(), **headers, "Content-Length": str(len(body))}
        fields["Authorization"] = shared_key(self.account, method, target, fields)
        self._link.putrequest(method, target, skip_accept_encoding=True)
        for name, value in fields.items():
            self._link.putheader(name, value)
        self._link.endheaders(body[:size] or None)
        return self._link.sock

    @staticmethod
    def _basic():
        return {"x-ms-date": http_date(), "x-ms-version": VERSION}

    def call(self, method, target, headers=None, body=b"", account=None):
        """With Shared Key. A header of value None is left out, also one that is added otherwise."""
        fields = {**self._basic(), **(headers or {})}
        if body or method == "PUT":
            fields.setdefault("Content-Length", str(len(body)))
        fields = {name: value for name, value in fields.items() if value is not None}
        account = account or self.account
        fields["Authorization"] = shared_key(account, method, target, fields)
        return self.send(method, target, fields, body)

    def close(self):
        self._link.close()
