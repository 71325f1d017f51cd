"""Blob Storage with Microsoft's azure-storage-blob.

hub arguments: --http-port 10000
"""

import base64
import datetime
import hashlib
import os
import unittest

import requests
from azure.core import MatchConditions
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.storage.blob import (
    AccountSasPermissions,
    BlobBlock,
    BlobClient,
    BlobPrefix,
    BlobSasPermissions,
    BlobServiceClient,
    ContainerClient,
    ContainerSasPermissions,
    ContentSettings,
    ResourceTypes,
    generate_account_sas,
    generate_blob_sas,
    generate_container_sas,
)
from hub import HOST, fresh, parts_of

CONNECTION_STRING = os.environ["STORAGE_CONNECTION_STRING"]
PARTS = parts_of(CONNECTION_STRING.rstrip(";"))
ACCOUNT, KEY = PARTS["AccountName"], PARTS["AccountKey"]
MINUTE = datetime.timedelta(minutes=1)


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def md5(content):
    return bytearray(hashlib.md5(content).digest())


class BlobTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # A refusal is the answer; the default would ask again for a minute.
        cls.service = BlobServiceClient.from_connection_string(CONNECTION_STRING, retry_total=0)
        cls.addClassCleanup(cls.service.close)
        cls.box = cls.service.create_container(fresh("box"))

    def refused(self, status, code, call, *arguments, kind=HttpResponseError, **options):
        with self.assertRaises(kind) as caught:
            call(*arguments, **options)
        error = caught.exception
        self.assertEqual((error.status_code, error.error_code), (status, code))

    def put(self, name, content, **options):
        return self.box.upload_blob(name, content, **options)

    def client(self, kind, url, credential):
        if kind is BlobServiceClient:
            client = BlobServiceClient(url, credential=credential, retry_total=0)
        elif kind is BlobClient:
            client = BlobClient.from_blob_url(url, credential=credential, retry_total=0)
        else:
            client = kind.from_container_url(url, credential=credential, retry_total=0)
        self.addCleanup(client.close)
        return client


class Containers(BlobTest):
    def test_are_made_found_described_and_removed(self):
        client = self.service.get_container_client(fresh("made"))
        self.assertFalse(client.exists())
        client.create_container(metadata={"line": "seven"})
        self.assertTrue(client.exists())
        again = client.create_container
        self.refused(409, "ContainerAlreadyExists", again, kind=ResourceExistsError)
        properties = client.get_container_properties()
        self.assertEqual(properties.metadata, {"line": "seven"})
        self.assertEqual(properties.lease.state, "available")
        self.assertIsNone(properties.public_access)
        client.set_container_metadata({"line": "eight"})
        self.assertEqual(client.get_container_properties().metadata, {"line": "eight"})
        client.delete_container()
        self.assertFalse(client.exists())
        self.refused(404, "ContainerNotFound", client.delete_container, kind=ResourceNotFoundError)

    def test_are_listed_by_prefix_in_pages_with_metadata(self):
        prefix = fresh("paged")
        for number in "312":
            self.service.create_container(f"{prefix}-{number}", metadata={"number": number})
        found = list(self.service.list_containers(prefix, include_metadata=True))
        self.assertEqual([each.name for each in found], [f"{prefix}-{n}" for n in "123"])
        self.assertEqual([each.metadata["number"] for each in found], ["1", "2", "3"])
        pages = self.service.list_containers(prefix, results_per_page=2).by_page()
        self.assertEqual([len(list(page)) for page in pages], [2, 1])


class Content(BlobTest):
    def test_comes_back_as_it_was_put(self):
        content = os.urandom(100_000)
        settings = ContentSettings("application/x-fw", "identity", "de", "attachment", "no-cache")
        blob = self.put("dir/whole.bin", content, content_settings=settings, metadata={"v": "7"})
        self.assertEqual(blob.download_blob().readall(), content)
        properties = blob.get_blob_properties()
        self.assertEqual(properties.size, len(content))
        self.assertEqual(properties.metadata, {"v": "7"})
        self.assertEqual(properties.blob_type, "BlockBlob")
        got = properties.content_settings
        self.assertEqual(
            (got.content_type, got.content_encoding, got.content_language, got.content_disposition),
            ("application/x-fw", "identity", "de", "attachment"),
        )
        self.assertEqual((got.cache_control, got.content_md5), ("no-cache", md5(content)))
        self.assertLessEqual(properties.creation_time, properties.last_modified)

    def test_may_be_empty_and_oddly_named(self):
        self.assertEqual(self.put("empty", b"").download_blob().readall(), b"")
        for name in ("a b/ü+%.bin", "with?mark#and&amp;", "quote's", "<xml>"):
            self.assertEqual(self.put(name, name).download_blob(encoding="utf-8").readall(), name)
            self.assertIn(name, [each.name for each in self.box.list_blobs(name[:3])])

    def test_is_written_over_described_anew_and_removed(self):
        blob = self.put("changing", b"one")
        self.refused(409, "BlobAlreadyExists", blob.upload_blob, b"two", kind=ResourceExistsError)
        blob.upload_blob(b"second", overwrite=True)
        self.assertEqual(blob.download_blob().readall(), b"second")
        blob.set_blob_metadata({"a": "1"})
        blob.set_http_headers(ContentSettings(content_type="text/plain"))
        properties = blob.get_blob_properties()
        self.assertEqual(properties.metadata, {"a": "1"})
        self.assertEqual(properties.content_settings.content_type, "text/plain")
        self.assertTrue(blob.exists())
        blob.delete_blob()
        self.assertFalse(blob.exists())
        missing = ResourceNotFoundError
        self.refused(404, "BlobNotFound", blob.download_blob, kind=missing)
        self.refused(404, "BlobNotFound", blob.delete_blob, kind=missing)
        self.refused(404, "BlobNotFound", blob.get_blob_properties, kind=missing)

    def test_is_checked_by_digests_both_ways(self):
        content = os.urandom(9 * 1024 * 1024)
        blob = self.put("checked", content, validate_content=True)
        self.assertEqual(blob.download_blob(validate_content=True).readall(), content)

    def test_goes_up_in_parallel_blocks_and_comes_down_in_ranges(self):
        content = os.urandom(9 * 1024 * 1024 + 17)
        small = {"max_single_put_size": 1024, "max_block_size": 512 * 1024,
                 "max_single_get_size": 100_000, "max_chunk_get_size": 300_000}
        with BlobServiceClient.from_connection_string(CONNECTION_STRING, **small) as service:
            blob = service.get_blob_client(self.box.container_name, "large.bin")
            blob.upload_blob(content, max_concurrency=8)
            self.assertEqual(blob.download_blob(max_concurrency=8).readall(), content)
            committed, uncommitted = blob.get_block_list("all")
            self.assertEqual((len(committed), len(uncommitted)), (19, 0))

    def test_blocks_stay_uncommitted_until_a_list_names_them(self):
        blob = self.box.get_blob_client("blocks")
        blob.stage_block("block-1", b"one-")
        blob.stage_block("block-2", b"two-")
        self.assertFalse(blob.exists())
        committed, uncommitted = blob.get_block_list("all")
        self.assertEqual([], committed)
        self.assertEqual([("block-1", 4), ("block-2", 4)], [(b.id, b.size) for b in uncommitted])
        waiting = list(self.box.list_blobs("blocks", include=["uncommittedblobs"]))
        self.assertEqual([("blocks", 0)], [(each.name, each.size) for each in waiting])
        self.refused(400, "InvalidBlockList", blob.commit_block_list, [BlobBlock("block-9")])
        blob.commit_block_list([BlobBlock("block-2"), BlobBlock("block-1")])
        self.assertEqual(blob.download_blob().readall(), b"two-one-")

    def test_ranges_are_answered_with_what_they_ask_for(self):
        blob = self.put("ranges", b"0123456789")
        self.assertEqual(blob.download_blob(offset=2, length=3).readall(), b"234")
        self.assertEqual(blob.download_blob(offset=8).readall(), b"89")
        self.refused(416, "InvalidRange", blob.download_blob, offset=10, length=1)


class Lists(BlobTest):
    def test_are_flat_by_folder_in_pages_and_with_metadata(self):
        box = self.service.create_container(fresh("listed"))
        for name in ("b", "dir/1", "dir/2", "dir/sub/3", "a"):
            box.upload_blob(name, name, metadata={"n": name.replace("/", "_")})
        names = lambda found: [each.name for each in found]
        self.assertEqual(names(box.list_blobs()), ["a", "b", "dir/1", "dir/2", "dir/sub/3"])
        self.assertEqual(list(box.list_blob_names(name_starts_with="dir/s")), ["dir/sub/3"])
        (described,) = box.list_blobs("dir/1", include=["metadata"])
        self.assertEqual((described.metadata, described.size), ({"n": "dir_1"}, 5))
        pages = [names(page) for page in box.list_blobs(results_per_page=2).by_page()]
        self.assertEqual(pages, [["a", "b"], ["dir/1", "dir/2"], ["dir/sub/3"]])
        top = list(box.walk_blobs())
        self.assertEqual(sorted(names(top)), ["a", "b", "dir/"])
        self.assertEqual(["dir/"], names(each for each in top if isinstance(each, BlobPrefix)))
        self.assertEqual(sorted(names(box.walk_blobs("dir/"))), ["dir/1", "dir/2", "dir/sub/"])


class Conditions(BlobTest):
    def test_decide_about_reads(self):
        blob = self.put("read-if", b"x")
        properties = blob.get_blob_properties()
        modified, earlier = properties.last_modified, properties.last_modified - MINUTE
        match, differ = MatchConditions.IfNotModified, MatchConditions.IfModified
        read = blob.get_blob_properties
        read(etag=properties.etag, match_condition=match)
        read(match_condition=MatchConditions.IfPresent)
        read(etag='"other"', match_condition=differ)
        read(if_modified_since=earlier)
        read(if_unmodified_since=modified)
        with self.assertRaises(ResourceModifiedError):
            read(etag='"other"', match_condition=match)
        for status, condition in (
            (304, {"etag": properties.etag, "match_condition": differ}),
            (304, {"if_modified_since": modified}),
            (412, {"if_unmodified_since": earlier}),
        ):
            with self.assertRaises(HttpResponseError) as caught:
                read(**condition)
            self.assertEqual(caught.exception.status_code, status)

    def test_decide_about_writes(self):
        blob = self.put("write-if", b"first")
        etag = blob.get_blob_properties().etag
        match = {"match_condition": MatchConditions.IfNotModified, "overwrite": True}
        self.refused(412, "ConditionNotMet", blob.upload_blob, b"n", etag='"other"', **match,
                     kind=ResourceModifiedError)
        self.assertEqual(blob.download_blob().readall(), b"first")
        blob.upload_blob(b"next", etag=etag, **match)
        self.refused(412, "ConditionNotMet", blob.delete_blob, etag=etag,
                     match_condition=MatchConditions.IfNotModified,
                     kind=ResourceModifiedError)


class Tokens(BlobTest):
    def with_blob_token(self, name, letters="r", expiry=None, **options):
        token = generate_blob_sas(
            ACCOUNT, self.box.container_name, name, account_key=KEY,
            expiry=expiry or now() + MINUTE, permission=BlobSasPermissions.from_string(letters),
            **options,
        )
        return self.client(BlobClient, self.box.get_blob_client(name).url, token)

    def test_for_a_blob_give_what_their_letters_say(self):
        self.put("token", b"secret")
        reader = self.with_blob_token("token")
        self.assertEqual(reader.download_blob().readall(), b"secret")
        mismatch = "AuthorizationPermissionMismatch"
        self.refused(403, mismatch, reader.upload_blob, b"x", overwrite=True)
        self.refused(403, mismatch, reader.delete_blob)
        self.refused(403, mismatch, reader.stage_block, "b", b"x")
        self.with_blob_token("created", "c").upload_blob(b"one")
        self.refused(403, mismatch, self.with_blob_token("created", "c").upload_blob, b"two",
                     overwrite=True)
        self.with_blob_token("created", "w").upload_blob(b"two", overwrite=True)
        self.with_blob_token("created", "d").delete_blob()

    def test_hold_in_their_time_from_their_addresses_over_their_protocol(self):
        self.put("narrow", b"x")
        read = lambda **options: self.with_blob_token("narrow", **options).get_blob_properties()
        read(start=now() - MINUTE, protocol="https", ip="127.0.0.0-127.0.0.255")
        failed = {"kind": ClientAuthenticationError}
        self.refused(403, "AuthenticationFailed", read, start=now() + MINUTE, **failed)
        self.refused(403, "AuthenticationFailed", read, expiry=now() - MINUTE, **failed)
        self.refused(403, "AuthorizationSourceIPMismatch", read, ip="10.0.0.1")
        self.refused(403, "AuthorizationProtocolMismatch", read, protocol="http")

    def test_for_a_container_list_and_read(self):
        self.put("inside", b"x")
        token = generate_container_sas(
            ACCOUNT, self.box.container_name, account_key=KEY, expiry=now() + MINUTE,
            permission=ContainerSasPermissions(read=True, list=True),
        )
        client = self.client(ContainerClient, self.box.url, token)
        self.assertIn("inside", [each.name for each in client.list_blobs()])
        self.assertEqual(client.download_blob("inside").readall(), b"x")
        self.refused(403, "AuthorizationPermissionMismatch", client.upload_blob, "inside", b"y")
        with self.assertRaises(HttpResponseError) as caught:
            client.delete_container()
        self.assertEqual(caught.exception.status_code, 403)

    def test_for_an_account_give_what_letters_and_types_say(self):
        self.put("by-account", b"x")

        def blob(permissions, types, expiry=None, **options):
            token = generate_account_sas(
                ACCOUNT, KEY, ResourceTypes.from_string(types),
                AccountSasPermissions.from_string(permissions), expiry or now() + MINUTE, **options,
            )
            service = self.client(BlobServiceClient, self.service.url, token)
            return service.get_blob_client(self.box.container_name, "by-account")

        self.assertEqual(blob("r", "o").download_blob().readall(), b"x")
        self.refused(403, "AuthorizationResourceTypeMismatch", blob("r", "sc").download_blob)
        self.refused(403, "AuthorizationPermissionMismatch", blob("w", "o").download_blob)
        self.refused(403, "AuthenticationFailed", blob("r", "o", now() - MINUTE).download_blob)
        elsewhere = blob("r", "o", ip="10.0.0.1")
        self.refused(403, "AuthorizationSourceIPMismatch", elsewhere.download_blob)

    def test_without_the_account_key_nothing_is_given(self):
        url = self.put("private", b"x").url
        wrong = {"account_name": ACCOUNT, "account_key": base64.b64encode(bytes(64)).decode()}
        stranger = {"account_name": "somebody", "account_key": KEY}
        for credential in (wrong, stranger):
            client = self.client(BlobClient, url, credential)
            self.refused(403, "AuthenticationFailed", client.download_blob)
        anonymous = self.client(BlobClient, url, None)
        self.refused(401, "NoAuthenticationInformation", anonymous.download_blob)


class WithoutTls(BlobTest):
    """The listener for plain HTTP, Azurite's port."""

    URL = f"http://{HOST}:10000"

    def test_gives_blobs_to_the_key_and_to_tokens_that_allow_it(self):
        self.put("plain", b"x")
        key = {"account_name": ACCOUNT, "account_key": KEY}
        service = self.client(BlobServiceClient, f"{self.URL}/{ACCOUNT}", key)
        blob = service.get_blob_client(self.box.container_name, "plain")
        self.assertEqual(blob.download_blob().readall(), b"x")
        for protocol, allowed in (("https,http", True), ("https", False)):
            token = generate_blob_sas(
                ACCOUNT, self.box.container_name, "plain", account_key=KEY, protocol=protocol,
                expiry=now() + MINUTE, permission=BlobSasPermissions(read=True),
            )
            reader = self.client(BlobClient, blob.url, token)
            if allowed:
                self.assertEqual(reader.download_blob().readall(), b"x")
            else:
                self.refused(403, "AuthorizationProtocolMismatch", reader.download_blob)

    def test_gives_nothing_else(self):
        for target in ("/devices?api-version=2021-04-12", "/twins/a", "/"):
            self.assertEqual(403, requests.get(self.URL + target, timeout=60).status_code)


if __name__ == "__main__":
    unittest.main()
