"""The requests that the local hub and Azurite both get (test_azurite.py), in this order.

Each stands for one thing that a client may do, rightly or wrongly. `{etag:NAME}` and
`{modified:NAME}` in a header stand for what the same server answered to the request NAME.
"""

import base64
import dataclasses

from blob_wire import account_sas, http_date, md5, service_sas, when

BLOCK = {"x-ms-blob-type": "BlockBlob"}
TEN = b"0123456789"
XML = '<?xml version="1.0" encoding="utf-8"?>'


@dataclasses.dataclass(frozen=True)
class Request:
    name: str
    method: str
    target: str  # without the account; "/box/ten?comp=metadata"
    headers: dict
    body: bytes
    sign: object  # "key", "none", "wrong key", "wrong account" or a function of the account


def block_id(number):
    return base64.b64encode(b"block-%03d" % number).decode()


def block_target(blob, number):
    return f"/box/{blob}?comp=block&blockid={block_id(number).replace('=', '%3D')}"


def block_list(*entries):
    """Entries: (element, text)."""
    inner = "".join(f"<{tag}>{text}</{tag}>" for tag, text in entries)
    return f"{XML}<BlockList>{inner}</BlockList>".encode()


class List:
    def __init__(self):
        self.requests = []

    def add(self, name, method, target, headers=None, body=b"", sign="key"):
        if any(request.name == name for request in self.requests):
            raise ValueError(f"two requests are named {name}")
        self.requests.append(Request(name, method, target, headers or {}, body, sign))

    def put(self, name, target, body=TEN, sign="key", **headers):
        fields = {key.replace("_", "-"): value for key, value in headers.items()}
        self.add(name, "PUT", target, {**BLOCK, **fields}, body, sign)

    def get(self, name, target="/box/ten", sign="key", **headers):
        fields = {key.replace("_", "-"): value for key, value in headers.items()}
        self.add(name, "GET", target, fields, sign=sign)


def containers(out):
    out.add("create", "PUT", "/box?restype=container")
    out.add("create again", "PUT", "/box?restype=container")
    out.add("create, name too short", "PUT", "/ab?restype=container")
    out.add("create, upper case", "PUT", "/Box?restype=container")
    out.add("create, two dashes", "PUT", "/a--b?restype=container")
    out.add("create, underscore", "PUT", "/a_b?restype=container")
    out.add("create, 64 letters", "PUT", f"/{'a' * 64}?restype=container")
    out.add("create, metadata", "PUT", "/meta?restype=container", {"x-ms-meta-Line": "a b"})
    out.add("create, bad metadata name", "PUT", "/bad?restype=container", {"x-ms-meta-a-b": "c"})
    out.add("create, no restype", "PUT", "/norestype")
    out.add("create, public", "PUT", "/pub?restype=container", {"x-ms-blob-public-access": "blob"})
    out.add("container GET", "GET", "/meta?restype=container")
    out.add("container HEAD", "HEAD", "/meta?restype=container")
    out.add("container metadata GET", "GET", "/meta?restype=container&comp=metadata")
    out.add("container metadata PUT", "PUT", "/meta?restype=container&comp=metadata",
            {"x-ms-meta-two": "2"})
    out.add("container metadata PUT read", "GET", "/meta?restype=container")
    out.add("container metadata PUT, none", "PUT", "/none?restype=container&comp=metadata",
            {"x-ms-meta-two": "2"})
    out.add("container acl", "GET", "/meta?restype=container&comp=acl")
    out.add("container GET, none", "GET", "/none?restype=container")
    out.add("container HEAD, none", "HEAD", "/none?restype=container")
    out.add("container DELETE, none", "DELETE", "/none?restype=container")
    out.add("container DELETE, not newer", "DELETE", "/meta?restype=container",
            {"If-Modified-Since": http_date(60)})
    out.add("containers", "GET", "/?comp=list")
    out.add("containers, metadata", "GET", "/?comp=list&include=metadata&prefix=me")
    out.add("containers, one", "GET", "/?comp=list&maxresults=1")
    out.add("containers, zero", "GET", "/?comp=list&maxresults=0")
    out.add("containers, words", "GET", "/?comp=list&maxresults=ten")
    out.add("containers, negative", "GET", "/?comp=list&maxresults=-1")
    out.add("container DELETE", "DELETE", "/meta?restype=container")
    out.add("account information", "GET", "/?restype=account&comp=properties")
    out.add("service properties", "GET", "/?restype=service&comp=properties")
    out.add("account, unknown comp", "GET", "/?comp=what")


def blobs(out):
    out.put("put", "/box/ten", Content_Type="application/x-fw", x_ms_meta_Version="7")
    out.put("put, no type", "/box/plain")
    out.put("put, all fields", "/box/all", x_ms_blob_content_type="text/x",
            x_ms_blob_content_encoding="gzip", x_ms_blob_content_language="de",
            x_ms_blob_content_disposition="attachment", x_ms_blob_cache_control="no-cache",
            x_ms_blob_content_md5=md5(TEN))
    out.put("put, empty", "/box/empty", b"")
    out.put("put, right md5", "/box/md5", Content_MD5=md5(TEN))
    out.put("put, other md5", "/box/md5bad", Content_MD5=md5(b"other"))
    out.put("put, md5 is no md5", "/box/md5bad", Content_MD5="bm8=")
    out.put("put, other blob md5", "/box/md5bad2", x_ms_blob_content_md5=md5(b"other"))
    out.put("put, no container", "/none/ten")
    out.put("put, bad metadata name", "/box/badmeta", x_ms_meta_a_b="c")
    out.put("put, deep name", "/box/a/b%20c/%C3%A9%2Bx.bin")
    out.put("put, name of 1025", "/box/" + "n" * 1025)
    out.add("put, no blob type", "PUT", "/box/notype", {}, TEN)
    out.add("put, unknown blob type", "PUT", "/box/notype", {"x-ms-blob-type": "Tape"}, TEN)
    out.add("put, page blob without size", "PUT", "/box/page", {"x-ms-blob-type": "PageBlob"})
    out.add("put, no length", "PUT", "/box/nolength", {**BLOCK, "Content-Length": None}, b"")
    out.put("put, no version", "/box/nover", x_ms_version=None)
    out.put("put, version of 2099", "/box/newver", x_ms_version="2099-01-01")
    out.put("put if none, exists", "/box/ten", If_None_Match="*")
    out.put("put if none", "/box/fresh", If_None_Match="*")
    out.put("put if etag, other", "/box/ten", If_Match='"0x0"')
    out.put("put if etag", "/box/fresh", If_Match="{etag:put if none}")
    out.put("put if etag, no blob", "/box/nothing", If_Match='"0x0"')
    out.put("put if not etag, same", "/box/fresh", If_None_Match="{etag:put if etag}")
    out.put("put if not newer", "/box/fresh", If_Unmodified_Since=http_date(-3600))
    out.put("put if newer", "/box/fresh", If_Modified_Since=http_date(3600))
    out.get("get")
    out.get("get, all fields", "/box/all")
    out.get("get, empty", "/box/empty")
    out.get("get, none", "/box/nothing")
    out.get("get, no container", "/none/ten")
    out.get("get, deep name", "/box/a/b%20c/%C3%A9%2Bx.bin")
    out.get("get, client request id", x_ms_client_request_id="abc-1")
    out.get("get, version of 2099", x_ms_version="2099-01-01")
    out.get("get, no version", x_ms_version=None)
    out.add("head", "HEAD", "/box/ten")
    out.add("head, none", "HEAD", "/box/nothing")
    out.add("head, empty", "HEAD", "/box/empty")
    out.add("metadata GET", "GET", "/box/ten?comp=metadata")
    out.add("metadata HEAD", "HEAD", "/box/ten?comp=metadata")
    out.add("metadata PUT", "PUT", "/box/fresh?comp=metadata", {"x-ms-meta-k": "v"})
    out.add("metadata PUT read", "GET", "/box/fresh?comp=metadata")
    out.add("metadata PUT, bad name", "PUT", "/box/fresh?comp=metadata", {"x-ms-meta-1k": "v"})
    out.add("metadata PUT, none", "PUT", "/box/nothing?comp=metadata", {"x-ms-meta-k": "v"})
    out.add("metadata PUT, other etag", "PUT", "/box/fresh?comp=metadata", {"If-Match": '"0x0"'})
    out.add("properties PUT", "PUT", "/box/all?comp=properties",
            {"x-ms-blob-content-type": "text/y", "x-ms-blob-cache-control": "max-age=1"})
    out.add("properties PUT read", "HEAD", "/box/all")
    out.add("properties PUT, none", "PUT", "/box/nothing?comp=properties")


def ranges(out):
    for text in ("0-3", "0-", "5-", "8-100", "9-9", "10-", "10-20", "11-", "5-4", "0-1,3-4", "x-y",
                 "-", "3", "0-0", "00-01", "99999999999999999999-"):
        out.get(f"range {text}", Range=f"bytes={text}")
    out.get("range suffix", Range="bytes=-3")
    out.get("range, other unit", Range="lines=0-1")
    out.get("range, upper case", Range="BYTES=0-1")
    out.get("range, both headers", Range="bytes=0-1", x_ms_range="bytes=2-3")
    out.get("range, x-ms-range", x_ms_range="bytes=2-3")
    out.get("range with md5", Range="bytes=2-3", x_ms_range_get_content_md5="true")
    out.get("range with md5 false", Range="bytes=2-3", x_ms_range_get_content_md5="false")
    out.get("md5 without range", x_ms_range_get_content_md5="true")
    out.get("range of empty 0-", "/box/empty", Range="bytes=0-")
    out.get("range of empty 0-0", "/box/empty", Range="bytes=0-0")
    out.get("range of empty 1-", "/box/empty", Range="bytes=1-")
    out.add("head with range", "HEAD", "/box/ten", {"Range": "bytes=2-3"})
    out.get("range with etag", Range="bytes=2-3", If_Match="{etag:put}")
    out.get("range with other etag", Range="bytes=2-3", If_Match='"0x0"')
    out.get("if-range", Range="bytes=2-3", If_Range='"0x0"')


def conditions(out):
    out.get("if etag", If_Match="{etag:put}")
    out.get("if etag, any", If_Match="*")
    out.get("if etag, other", If_Match='"0x0"')
    out.get("if etag, list", If_Match='"0x0", {etag:put}')
    out.get("if etag, none", "/box/nothing", If_Match='"0x0"')
    out.get("if any, none", "/box/nothing", If_Match="*")
    out.get("if not etag, same", If_None_Match="{etag:put}")
    out.get("if not etag, other", If_None_Match='"0x0"')
    out.get("if not etag, any", If_None_Match="*")
    out.get("if not etag, none", "/box/nothing", If_None_Match='"0x0"')
    out.get("if modified", If_Modified_Since="{modified:put}")
    out.get("if modified, old", If_Modified_Since=http_date(-3600))
    out.get("if modified, no date", If_Modified_Since="yesterday")
    out.get("if unmodified", If_Unmodified_Since="{modified:put}")
    out.get("if unmodified, old", If_Unmodified_Since=http_date(-3600))
    out.get("if both, etag decides", If_Match="{etag:put}", If_Unmodified_Since=http_date(-3600))
    out.get("if neither, etag decides", If_None_Match='"0x0"', If_Modified_Since=http_date(3600))
    out.add("head if not etag, same", "HEAD", "/box/ten", {"If-None-Match": "{etag:put}"})
    out.add("head if etag, other", "HEAD", "/box/ten", {"If-Match": '"0x0"'})
    out.add("delete if etag, other", "DELETE", "/box/ten", {"If-Match": '"0x0"'})
    out.add("delete if not etag, same", "DELETE", "/box/ten", {"If-None-Match": "{etag:put}"})
    out.add("delete if not newer", "DELETE", "/box/ten", {"If-Unmodified-Since": http_date(-3600)})


def blocks(out):
    out.add("block 1", "PUT", block_target("large", 1), {}, b"one-")
    out.add("block 2", "PUT", block_target("large", 2), {"Content-MD5": md5(b"two-")}, b"two-")
    out.add("block, other md5", "PUT", block_target("large", 3), {"Content-MD5": md5(b"x")}, b"y")
    out.add("block, other length of id", "PUT", "/box/large?comp=block&blockid=YQ%3D%3D", {}, b"x")
    out.add("block, no id", "PUT", "/box/large?comp=block", {}, b"x")
    out.add("block, id is no base64", "PUT", "/box/large?comp=block&blockid=%21%21", {}, b"x")
    out.add("block, empty", "PUT", block_target("large", 4), {}, b"")
    out.add("block, no container", "PUT", "/none/x?comp=block&blockid=YQ%3D%3D", {}, b"x")
    out.get("block list, no list type", "/box/large?comp=blocklist")
    for kind in ("committed", "uncommitted", "all", "some"):
        out.get(f"block list, {kind}", f"/box/large?comp=blocklist&blocklisttype={kind}")
    out.get("get before commit", "/box/large")
    out.add("commit, unknown id", "PUT", "/box/large?comp=blocklist", {},
            block_list(("Latest", block_id(9))))
    out.add("commit, no xml", "PUT", "/box/large?comp=blocklist", {}, b"no xml")
    out.add("commit, unknown element", "PUT", "/box/large?comp=blocklist", {},
            block_list(("Newest", block_id(1))))
    out.add("commit, as committed", "PUT", "/box/large?comp=blocklist", {},
            block_list(("Committed", block_id(1))))
    out.add("commit", "PUT", "/box/large?comp=blocklist",
            {"x-ms-blob-content-type": "text/z", "x-ms-blob-content-md5": md5(b"one-two-"),
             "x-ms-meta-a": "b"},
            block_list(("Latest", block_id(1)), ("Uncommitted", block_id(2))))
    out.get("committed blob", "/box/large")
    out.get("block list, all, committed", "/box/large?comp=blocklist&blocklisttype=all")
    out.add("commit without md5", "PUT", "/box/large?comp=blocklist", {},
            block_list(("Committed", block_id(2)), ("Committed", block_id(1)),
                       ("Latest", block_id(2))))
    out.get("committed again", "/box/large")
    out.add("commit if none, exists", "PUT", "/box/large?comp=blocklist", {"If-None-Match": "*"},
            block_list(("Latest", block_id(1))))
    out.add("commit nothing", "PUT", "/box/void?comp=blocklist", {}, block_list())
    out.get("committed nothing", "/box/void")
    out.get("block list, none", "/box/nothing?comp=blocklist&blocklisttype=all")
    out.add("block of an unborn blob", "PUT", block_target("unborn", 1), {}, b"x")


def lists(out):
    for name in ("dir/a", "dir/b", "dir/sub/c", "dirx", "x&lt;y", "z%3Cq%3E%26"):
        out.put(f"put {name}", f"/list/{name}", b"x")
    box = "/list?restype=container&comp=list"
    out.get("list", box)
    out.get("list, prefix", f"{box}&prefix=dir/")
    out.get("list, delimiter", f"{box}&delimiter=/")
    out.get("list, prefix and delimiter", f"{box}&prefix=dir/&delimiter=/")
    out.get("list, long delimiter", f"{box}&delimiter=r/")
    out.get("list, two", f"{box}&maxresults=2")
    out.get("list, two, delimiter", f"{box}&maxresults=2&delimiter=/")
    out.get("list, too many", f"{box}&maxresults=6000")
    out.get("list, zero", f"{box}&maxresults=0")
    out.get("list, words", f"{box}&maxresults=ten")
    out.get("list, metadata", "/box?restype=container&comp=list&prefix=ten&include=metadata")
    out.get("list, uncommitted",
            "/box?restype=container&comp=list&prefix=u&include=uncommittedblobs")
    out.get("list, not uncommitted", "/box?restype=container&comp=list&prefix=u")
    out.get("list, unknown include", f"{box}&include=colours")
    out.get("list, all properties", "/box?restype=container&comp=list&prefix=all")
    out.get("list, no container", "/none?restype=container&comp=list")
    out.get("list, nothing found", f"{box}&prefix=nothing")


def crc64(out):
    right = "HZz9TO6x+RU="  # CRC-64/NVME of TEN
    other = "AAAAAAAAAAA="
    out.put("crc64", "/box/crc", **{"x-ms-content-crc64": right})
    out.put("crc64, other", "/box/crcbad", **{"x-ms-content-crc64": other})
    out.put("crc64 and md5", "/box/crcbad", Content_MD5=md5(TEN), **{"x-ms-content-crc64": right})
    out.put("put for crc64", "/box/crc")
    wanted = {"x-ms-range-get-content-crc64": "true"}
    out.get("crc64 of range", "/box/crc", x_ms_range="bytes=2-5", **wanted)
    out.get("crc64 without range", "/box/crc", **wanted)
    out.get("structured GET", "/box/crc", x_ms_structured_body="XSM/1.0; properties=crc64")
    out.add("delete crc", "DELETE", "/box/crc")


def demands(out):
    """Headers and parameters that ask for what the hub does not have."""
    moment = "2024-05-17T08:30:00.1234567Z".replace(":", "%3A")
    out.put("put demanded", "/box/demanded")
    for method in ("GET", "HEAD", "DELETE"):
        out.add(f"snapshot {method}", method, f"/box/demanded?snapshot={moment}")
        out.add(f"snapshot, no such, {method}", method, "/box/demanded?snapshot=words")
        out.add(f"snapshot, no container, {method}", method, f"/none/x?snapshot={moment}")
    out.add("version GET", "GET", f"/box/demanded?versionid={moment}")
    out.add("version HEAD", "HEAD", f"/box/demanded?versionid={moment}")
    out.put("put versioned", "/box/versioned")
    out.add("version DELETE", "DELETE", f"/box/versioned?versionid={moment}")
    out.get("snapshot, metadata", f"/box/demanded?comp=metadata&snapshot={moment}")
    out.get("snapshot, block list", f"/box/demanded?comp=blocklist&snapshot={moment}")
    out.put("snapshot PUT", f"/box/demanded?snapshot={moment}")
    out.add("snapshot, empty", "GET", "/box/demanded?snapshot=")
    for value in ("only", "other"):
        out.add(f"delete snapshots, {value}", "DELETE", "/box/demanded",
                {"x-ms-delete-snapshots": value})
    out.add("delete snapshots, no blob", "DELETE", "/box/none", {"x-ms-delete-snapshots": "only"})
    out.get("still there", "/box/demanded")
    lease = {"x-ms-lease-id": "3c7e72eb-b430-4526-bc53-d8ecef03798f"}
    for name, method, target in (
        ("GET", "GET", "/box/demanded"), ("HEAD", "HEAD", "/box/demanded"),
        ("DELETE", "DELETE", "/box/demanded"), ("no blob", "GET", "/box/none"),
        ("metadata", "PUT", "/box/demanded?comp=metadata"),
        ("properties", "PUT", "/box/demanded?comp=properties"),
        ("blocks", "GET", "/box/demanded?comp=blocklist"),
        ("block", "PUT", block_target("demanded", 1)),
        ("commit", "PUT", "/box/demanded?comp=blocklist"),
        ("container", "GET", "/box?restype=container"),
        ("container DELETE", "DELETE", "/box?restype=container"),
        ("container metadata", "PUT", "/box?restype=container&comp=metadata"),
        ("container acl", "GET", "/box?restype=container&comp=acl"),
        ("container list", "GET", "/box?restype=container&comp=list&prefix=nothing"),
        ("no container", "DELETE", "/none?restype=container"),
    ):
        out.add(f"lease, {name}", method, target, lease,
                b"<BlockList></BlockList>" if name == "commit" else b"")
    out.put("lease, put", "/box/demanded", **{"x-ms-lease-id": lease["x-ms-lease-id"]})
    condition = {"x-ms-if-tags": "\"line\" = 'a'"}
    out.get("if tags, GET", "/box/demanded", **condition)
    out.get("if tags, no blob", "/box/none", **condition)
    out.add("if tags, DELETE", "DELETE", "/box/demanded", condition)
    out.add("if tags, metadata", "PUT", "/box/demanded?comp=metadata", condition)
    out.put("if tags, put", "/box/demanded", **condition)
    out.put("if tags, put new", "/box/iftags", **condition)
    for tier in ("Hot", "Cool", "Cold", "Bogus"):
        out.put(f"tier {tier}", "/box/tier", x_ms_access_tier=tier)
    for header in ("tags", "legal-hold", "immutability-policy-mode", "encryption-scope",
                   "encryption-key", "structured-body"):
        out.put(f"unsupported {header}", "/box/other", **{f"x-ms-{header}": "a"})
    for name in ("demanded", "tier"):
        out.add(f"delete {name}", "DELETE", f"/box/{name}")


def refusals(out):
    out.get("anonymous", sign="none")
    out.get("anonymous, none", "/box/nothing", sign="none")
    out.get("wrong key", sign="wrong key")
    out.get("wrong account", sign="wrong account")
    out.get("old date", x_ms_date=http_date(-1200))
    out.get("date of the future", x_ms_date=http_date(1200))
    out.get("no date", x_ms_date=None)
    out.get("plain date", x_ms_date=None, Date=http_date())
    out.get("no date but words", x_ms_date="now")
    out.add("other scheme", "GET", "/box/ten", {"Authorization": "Basic YTpi"}, sign="none")
    out.add("half a key", "GET", "/box/ten", {"Authorization": "SharedKey x"}, sign="none")
    out.add("bearer", "GET", "/box/ten", {"Authorization": "Bearer x.y.z"}, sign="none")
    out.add("unknown method", "PATCH", "/box/ten")
    out.add("post", "POST", "/box/ten")
    out.add("unknown comp", "PUT", "/box/ten?comp=what")
    out.add("unknown restype", "PUT", "/box?restype=what")
    out.add("get of a container without restype", "GET", "/box")


def service_tokens(out):
    def blob(name, sp="r", method="GET", path="box/ten", target=None, headers=None, body=b"",
             **more):
        sign = lambda account: service_sas(account, path, sp=sp, **more)
        out.add(f"sas, {name}", method, target or f"/{path}", headers, body, sign)

    blob("read")
    blob("head", method="HEAD")
    blob("version of 2019", sv="2019-02-02")
    blob("version of 2017", sv="2017-11-09")
    blob("version of 2099", sv="2099-01-01")
    blob("expired", se=when(-60))
    blob("not yet", st=when(600))
    blob("from a minute ago", st=when(-60))
    blob("day only", se="2099-01-01")
    blob("expiry is no date", se="tomorrow")
    blob("no expiry", se="")
    blob("start is no date", st="yesterday")
    blob("http and https", spr="https,http")
    blob("https", spr="https")
    blob("http alone", spr="http")
    blob("this address", sip="127.0.0.1")
    blob("range of addresses", sip="127.0.0.0-127.0.0.255")
    blob("other address", sip="10.0.0.1")
    blob("other range", sip="10.0.0.1-10.0.0.9")
    blob("address is none", sip="here")
    blob("stored policy", si="policy")
    blob("write only", sp="w")
    blob("no permission", sp="")
    blob("other blob", target="/box/plain")
    blob("container for a blob's token", path="box", target="/box/ten")
    blob("answer fields", rscc="no-store", rscd="inline", rsce="br", rscl="fr", rsct="text/q")
    blob("put with r", "r", "PUT", "box/byr", None, BLOCK, TEN)
    blob("put with c", "c", "PUT", "box/byc", None, BLOCK, TEN)
    blob("put over with c", "c", "PUT", "box/byc", None, BLOCK, TEN)
    blob("put with w", "w", "PUT", "box/byw", None, BLOCK, TEN)
    blob("block with c", "c", "PUT", "box/blockc", block_target("blockc", 1), None, b"x")
    blob("commit with c", "c", "PUT", "box/blockc", "/box/blockc?comp=blocklist", None,
         block_list(("Latest", block_id(1))))
    blob("block list with r", path="box/large", target="/box/large?comp=blocklist")
    blob("metadata with w", "w", "PUT", "box/byw", "/box/byw?comp=metadata", {"x-ms-meta-a": "b"})
    blob("delete with w", "w", "DELETE", "box/byw")
    blob("delete with d", "d", "DELETE", "box/byw")
    blob("container, read", path="box", target="/box/ten", sr="c")
    blob("container, list", "l", path="box", sr="c",
         target="/box?restype=container&comp=list&prefix=t")
    blob("container, list with r", "r", path="box", sr="c",
         target="/box?restype=container&comp=list&prefix=t")
    blob("container, other one", path="list", target="/box/ten", sr="c")
    blob("container, its properties", path="box", sr="c", target="/box?restype=container")
    blob("container, its removal", "d", "DELETE", "box", "/box?restype=container", sr="c")
    blob("unknown resource", sr="q")


def account_tokens(out):
    def whole(name, method, target, headers=None, body=b"", **more):
        sign = lambda account: account_sas(account, **more)
        out.add(f"account sas, {name}", method, target, headers, body, sign)

    whole("read", "GET", "/box/ten")
    whole("list containers", "GET", "/?comp=list&prefix=nothing")
    whole("list blobs", "GET", "/box?restype=container&comp=list&prefix=t")
    whole("list without srt c", "GET", "/box?restype=container&comp=list", srt="o")
    whole("read without srt o", "GET", "/box/ten", srt="sc")
    whole("containers without srt s", "GET", "/?comp=list", srt="co")
    whole("read without r", "GET", "/box/ten", sp="w")
    whole("files only", "GET", "/box/ten", ss="f")
    whole("create", "PUT", "/bysas?restype=container", sp="c")
    whole("create without c", "PUT", "/bysas2?restype=container", sp="r")
    whole("put", "PUT", "/bysas/x", BLOCK, TEN, sp="c")
    whole("delete blob without d", "DELETE", "/bysas/x", sp="c")
    whole("delete container", "DELETE", "/bysas?restype=container", sp="d")
    whole("expired", "GET", "/box/ten", se=when(-60))
    whole("version of 2019", "GET", "/box/ten", sv="2019-02-02")
    whole("other address", "GET", "/box/ten", sip="10.0.0.1")
    out.add("sas, other signature", "GET", "/box/ten",
            sign=lambda account: service_sas(account, "box/ten").split("sig=")[0]
            + f"sig={'A' * 43}%3D")
    out.add("sas, no version", "GET", "/box/ten",
            sign=lambda account: service_sas(account, "box/ten", sv=""))


def removal(out):
    out.add("delete", "DELETE", "/box/ten")
    out.add("delete again", "DELETE", "/box/ten")
    out.add("delete, no container", "DELETE", "/none/ten")
    out.add("delete with snapshots", "DELETE", "/box/all", {"x-ms-delete-snapshots": "include"})
    out.add("box goes", "DELETE", "/box?restype=container")
    out.add("box is gone", "GET", "/box/plain")


def all_requests():
    out = List()
    containers(out)
    out.add("create list", "PUT", "/list?restype=container")
    for part in (blobs, ranges, conditions, blocks, lists, crc64, demands, refusals,
                 service_tokens, account_tokens, removal):
        part(out)
    return out.requests
