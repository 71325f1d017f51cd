"""An operator's day against the local hub: enrol, deploy, look, deploy again."""

import base64
import hashlib
import hmac
import os
import pty
import ssl
import subprocess
import unittest
import urllib.error
import urllib.request

from operator_rig import CLEAN, PROGRAM, HubCase
from rig.certificates import Certificates

USAGE, NOT_FOUND, CONFLICT, REFUSED = 2, 3, 4, 5


class Deploy(HubCase):
    def setUp(self):
        super().setUp()
        for name, group in (("pump-1", "lab"), ("pump-2", "lab"), ("other", "field")):
            code, _, error = self.operator.call(
                "device", "create", name, "--product", "pump", "--group", group,
                "--key-file", self.path(name + ".key"))
            self.assertEqual(code, 0, error)

    def deploy(self, file, version, *more):
        code, document = self.operator.json("deploy", file, str(version), "pump", "lab", *more)
        return code, document

    def deployed(self, file, version, *more):
        code, document = self.deploy(file, version, *more)
        self.assertEqual(code, 0, document)
        return document

    def wanted(self):
        """Device to the version that its twin asks for."""
        _, document = self.operator.json("device", "list")
        return {device["device"]: device["wantedVersion"] for device in document["devices"]}

    def test_reaches_the_targeted_group_only(self):
        document = self.deployed(self.file("a.bin", os.urandom(70_000)), 3)
        self.assertEqual(document["result"], "created")
        self.assertEqual(self.wanted(), {"pump-1": 3, "pump-2": 3, "other": None})

    def test_a_large_file_arrives_whole(self):
        content = os.urandom(9 * 1024 * 1024 + 12_345)
        document = self.deployed(self.file("large.bin", content), 1)
        self.assertEqual(document["sha256"], hashlib.sha256(content).hexdigest())
        self.assertEqual(document["sizeBytes"], len(content))
        # Without the token nobody gets it.
        context = ssl.create_default_context(cafile=self.facts["ca"])
        with self.assertRaises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(document["url"], context=context)
        self.assertIn(refused.exception.code, (401, 403, 404))

    def test_the_same_again_is_already_there(self):
        file = self.file("a.bin")
        first = self.deployed(file, 1)
        again = self.deployed(file, 1)
        self.assertEqual(again["result"], "already_there")
        self.assertEqual(again["configuration"], first["configuration"])

    def test_conflicts(self):
        self.deployed(self.file("a.bin"), 5)
        for file, version, expected in ((self.file("b.bin", b"other"), 5,
                                         "version_has_other_content"),
                                        (self.file("c.bin", b"older"), 4, "version_not_newer")):
            code, document = self.deploy(file, version)
            self.assertEqual(code, CONFLICT)
            self.assertEqual(document["error"]["code"], expected)
        self.assertEqual(self.wanted()["pump-1"], 5)

    def test_a_dry_run_changes_nothing(self):
        self.assertEqual(self.deployed(self.file("a.bin"), 1, "--dry-run")["result"], "planned")
        self.assertEqual(self.wanted()["pump-1"], None)
        self.assertEqual(self.operator.json("status")[1]["releases"], [])

    def answer_at_a_terminal(self, file, version, answer):
        """A person deploys and answers the question: (exit code, what was on the screen)"""
        screen, side = pty.openpty()
        try:
            person = subprocess.Popen(
                [PROGRAM, "--profile", self.operator.profile, "deploy", file, str(version), "pump",
                 "lab"], stdin=side, stdout=side, stderr=side, env={**os.environ, **CLEAN})
            os.close(side)
            seen = ""
            while "[y/N]" not in seen:
                seen += os.read(screen, 4096).decode()
            os.write(screen, answer.encode())
            return person.wait(60), seen
        finally:
            os.close(screen)

    def test_a_person_at_a_terminal_is_asked(self):
        file = self.file("a.bin")
        code, seen = self.answer_at_a_terminal(file, 1, "n\n")
        self.assertEqual(code, REFUSED)
        self.assertIn("version 1 (8 B) to 2 devices of product 'pump', group 'lab'", seen)
        self.assertEqual(self.wanted()["pump-1"], None)
        self.assertEqual(self.answer_at_a_terminal(file, 1, "y\n")[0], 0)
        self.assertEqual(self.wanted()["pump-1"], 1)

    def test_superseded_releases_go(self):
        ids = [self.deployed(self.file("a.bin", bytes([v])), v)["configuration"]
               for v in (1, 2, 3, 4)]
        _, document = self.operator.json("status")
        self.assertEqual([r["configuration"] for r in document["releases"]], [ids[3], ids[2]])
        self.assertEqual(self.wanted()["pump-1"], 4)

    def test_status_counts_and_lists_the_devices(self):
        identity = self.deployed(self.file("a.bin"), 2)["configuration"]
        code, document = self.operator.json("status", identity)
        self.assertEqual(code, 0)
        self.assertEqual(document["counts"]["targeted"], 2)
        self.assertEqual(document["counts"]["applied"], 0)
        self.assertEqual([d["device"] for d in document["devices"]], ["pump-1", "pump-2"])
        _, listing = self.operator.json("status")
        self.assertEqual(listing["releases"][0]["counts"]["targeted"], 2)
        self.assertEqual(self.operator.call("status", "ota-nothing")[0], NOT_FOUND)

    def test_moving_a_device_moves_its_offer(self):
        self.deployed(self.file("a.bin"), 2)
        self.assertEqual(self.operator.call("device", "tag", "other", "--group", "lab")[0], 0)
        self.assertEqual(self.wanted()["other"], 2)

    def test_a_product_with_a_quote_works(self):
        code, _, error = self.operator.call(
            "device", "create", "quoted", "--product", "o'hara", "--group", "a b",
            "--key-file", self.path("quoted.key"))
        self.assertEqual(code, 0, error)
        code, document = self.operator.json("deploy", self.file("a.bin"), "7", "o'hara", "a b")
        self.assertEqual(code, 0, document)
        self.assertEqual(self.wanted()["quoted"], 7)
        self.assertEqual(self.wanted()["pump-1"], None)

    def test_releases_survive_a_restart_of_the_hub(self):
        file = self.file("a.bin")
        self.deployed(file, 2)
        self.site.stop_hub()
        self.site.start_hub()
        self.assertEqual(self.deployed(file, 2)["result"], "already_there")
        self.assertEqual(self.wanted()["pump-1"], 2)


class Enrollment(HubCase):
    def test_a_group_with_tags_and_a_key_that_is_never_printed(self):
        key_file = self.path("plant.key")
        code, out, error = self.operator.call(
            "enrollment", "create", "group", "plant", "--product", "pump", "--group", "lab",
            "--key-file", key_file)
        self.assertEqual(code, 0, error)
        self.assertEqual(os.stat(key_file).st_mode & 0o777, 0o600)
        with open(key_file, encoding="ascii") as file:
            key = file.read().strip()
        self.assertGreaterEqual(len(key), 24)
        self.assertNotIn(key, out + error)
        _, document = self.operator.json("enrollment", "list")
        mine = [e for e in document["enrollments"] if e["id"] == "plant"]
        self.assertEqual(mine[0]["tags"], {"productType": "pump", "deviceGroup": "lab"})

    def test_an_authority_vouches_for_groups_that_have_no_key(self):
        create = ("enrollment", "create")
        authority = ("--ca-reference", "plant-ca")
        code, _, error = self.operator.call(*create, "individual", "pump-8", *authority)
        self.assertEqual(code, USAGE)
        self.assertIn("an authority vouches for a group", error)
        code, _, _ = self.operator.call(
            *create, "group", "plant-8", *authority, "--key-file", self.path("plant-8.key"))
        self.assertEqual(code, USAGE)
        # The local hub has no resource that keeps authorities, and says so.
        code, _, error = self.operator.call(*create, "group", "plant-8", *authority)
        self.assertNotEqual(code, 0)
        self.assertIn("caReferences", error)

    def test_a_devices_key_is_derived_without_the_group_s_leaving(self):
        group_key, device_key = self.path("plant.key"), self.path("pump-1.key")
        self.assertEqual(self.operator.call("enrollment", "create", "group", "plant",
                                            "--key-file", group_key)[0], 0)
        code, out, error = self.operator.call("enrollment", "device-key", group_key, "pump-1",
                                              "--key-file", device_key)
        self.assertEqual(code, 0, error)
        self.assertEqual(os.stat(device_key).st_mode & 0o777, 0o600)
        with open(group_key, "rb") as group, open(device_key, encoding="ascii") as device:
            expected = base64.b64encode(hmac.new(base64.b64decode(group.read()), b"pump-1",
                                                 hashlib.sha256).digest()).decode()
            derived = device.read().strip()
        self.assertEqual(derived, expected)
        self.assertNotIn(derived, out + error)

    def test_certificates_instead_of_a_key(self):
        certificates = Certificates(self.folder)
        device = certificates.of("pump-1", certificates.authority)[0]
        for kind, name, certificate in (("group", "plant", certificates.authority[0]),
                                        ("individual", "pump-1", device)):
            code, document = self.operator.json("enrollment", "create", kind, name, "--product",
                                                "pump", "--certificate", str(certificate))
            self.assertEqual((code, document["attestation"]), (0, "x509"), document)
            for change, status in (("disable", "disabled"), ("enable", "enabled")):
                code, document = self.operator.json("enrollment", change, kind, name)
                self.assertEqual((code, document["status"]), (0, status), document)
                self.assertEqual(document["tags"], {"productType": "pump"})

    def test_disabling_keeps_the_key(self):
        keys = [self.path("before.key"), self.path("after.key")]
        self.assertEqual(self.operator.call("enrollment", "create", "group", "plant",
                                            "--key-file", keys[0])[0], 0)
        self.assertEqual(self.operator.call("enrollment", "disable", "group", "plant")[0], 0)
        code, document = self.operator.json("enrollment", "show", "group", "plant",
                                            "--key-file", keys[1])
        self.assertEqual((code, document["status"]), (0, "disabled"))
        with open(keys[0], "rb") as before, open(keys[1], "rb") as after:
            self.assertEqual(before.read(), after.read())
        self.assertEqual(self.operator.call("enrollment", "enable", "group", "none")[0], NOT_FOUND)

    def test_individual_ones_conflicts_and_deletion(self):
        create = ("enrollment", "create", "individual", "pump-9", "--product", "pump")
        self.assertEqual(self.operator.call(*create)[0], 0)
        code, _, error = self.operator.call(*create)
        self.assertEqual(code, CONFLICT)
        self.assertIn("there is an enrollment 'pump-9' already", error)
        delete = ("enrollment", "delete", "individual", "pump-9")
        self.assertEqual(self.operator.call(*delete)[0], REFUSED)
        self.assertEqual(self.operator.call(*delete, "--yes")[0], 0)
        self.assertEqual(self.operator.call("enrollment", "show", "individual", "pump-9")[0],
                         NOT_FOUND)


if __name__ == "__main__":
    unittest.main()
