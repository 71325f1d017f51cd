"""What an operator gets wrong: each case has its exit code and a sentence that says what to do."""

import unittest

from operator_rig import FolderCase, HubCase, Operator, run
from rig.certificates import Certificates

IMAGE_BYTES_MAX = 16 * 1024 * 1024 - 8 * 64 * 1024  # contract/limits.hpp

USAGE, NOT_FOUND, CONFLICT, REFUSED = 2, 3, 4, 5


class WithoutHub(FolderCase):
    """Input that is refused before anything is sent."""

    def refused(self, expected_code, *arguments, says, environment=None):
        operator = Operator(self.path("profile.toml"))
        code, out, error = operator.call(*arguments, environment=environment)
        self.assertEqual(code, expected_code, error)
        self.assertEqual(out, "")
        self.assertIn(says, error)
        self.assertTrue(error.startswith("mcu-ota: "), error)
        self.assertEqual(error.count("\n"), 1, error)

    def deploy(self, says, file=None, version="1", product="pump", group="lab", more=()):
        self.refused(USAGE, "deploy", file or self.file("good.bin"), version, product, group,
                     *more, says=says)

    def test_file(self):
        self.deploy("there is no file", file=self.path("none.bin"))
        self.deploy("is empty", file=self.file("empty.bin", b""))
        self.deploy("not a regular file", file=self.folder)
        self.deploy("can store at most",
                    file=self.file("large.bin", size=IMAGE_BYTES_MAX + 1))

    def test_version(self):
        for version in ("0", "-5", "abc", "1.5", "2147483648", "99999999999999999999", "", "1 "):
            with self.subTest(version=version):
                self.deploy("1 to 2147483647", version=version)

    def test_names(self):
        self.deploy("PRODUCT must not contain '/'", product="a/b")
        self.deploy("PRODUCT is empty", product="")
        self.deploy("GROUP is longer than 64 bytes", group="g" * 65)
        self.deploy("control character", group="a\nb")
        self.deploy("cannot be a container", more=("-c", "Firmware"))
        self.deploy("days", more=("-d", "0"))
        self.deploy("days", more=("-d", "many"))

    def test_words(self):
        self.refused(USAGE, "deploy", self.file("good.bin"), "1", "pump", says="GROUP is required")
        self.refused(USAGE, "frobnicate", says="mcu-ota --help")
        self.refused(USAGE, says="mcu-ota --help")
        self.refused(USAGE, "status", "-o", "xml", says="xml")

    def test_profile(self):
        self.refused(1, "status", says="start `mcu-ota hub`")
        self.file("profile.toml", b"id_scope = 'x'\nbroken\n")
        self.refused(1, "status", says="line 2")
        self.file("profile.toml", b"iothub_connection_string = 'nonsense'\n")
        self.refused(USAGE, "status", says="profile.toml: the connection string")

    def test_hub_not_running(self):
        self.file("profile.toml", b"iothub_connection_string = "
                  b"'HostName=127.0.0.1:1;SharedAccessKeyName=x;SharedAccessKey=AAEC'\n")
        self.refused(1, "status", says="start `mcu-ota hub`")

    def test_storage_unknown(self):
        code, _, error = run_in_azure("deploy", self.file("good.bin"), "1", "pump", "lab")
        self.assertEqual(code, USAGE)
        self.assertIn("AZURE_STORAGE_CONNECTIONSTRING", error)

    def test_device_ids(self):
        self.file("profile.toml", b"iothub_connection_string = "
                  b"'HostName=127.0.0.1:1;SharedAccessKeyName=x;SharedAccessKey=AAEC'\n")
        self.refused(USAGE, "device", "show", "a/b", says="a device id has 1 to 128")
        self.refused(USAGE, "device", "create", "d1", "--key-file", self.path("no/key"),
                     says="cannot write the key")
        self.refused(REFUSED, "device", "delete", "d1", says="--yes")
        self.refused(USAGE, "device", "tag", "d1", says="nothing to change")

    def test_device_filters(self):
        self.refused(USAGE, "device", "list", "--not-version", "abc", says="--not-version")
        self.refused(USAGE, "device", "list", "--version", "2147483648", says="2147483647")
        self.refused(USAGE, "device", "list", "--failed", "--status", "applied", says="--failed")
        self.refused(USAGE, "device", "list", "--status", "broken", says="broken")
        self.refused(USAGE, "doctor", "now", says="unexpected 'now'")

    def test_certificates(self):
        self.file("profile.toml", b"".join(
            name + b" = 'HostName=127.0.0.1:1;SharedAccessKeyName=x;SharedAccessKey=AAEC'\n"
            for name in (b"iothub_connection_string", b"dps_connection_string")))
        authority = Certificates(self.folder, "authority").authority
        create = ("enrollment", "create", "group", "plant", "--certificate")
        self.refused(USAGE, *create, self.path("none.pem"), says="cannot read")
        self.refused(USAGE, *create, self.file("empty.pem", b""), says="is empty")
        self.refused(USAGE, *create, self.file("text.pem", b"text"), says="no certificate")
        self.refused(USAGE, *create, str(authority[1]), says="private key, which stays with you")
        twice = authority[0].read_bytes() * 2
        self.refused(USAGE, *create, self.file("twice.pem", twice), says="several certificates")
        self.refused(USAGE, *create, str(authority[0]), "--key-file", self.path("key"),
                     says="--key-file")
        self.refused(USAGE, *create[:-1], "--second-certificate", str(authority[0]),
                     says="--certificate")
        self.refused(REFUSED, "enrollment", "delete", "group", "plant", says="--yes")
        self.refused(USAGE, "enrollment", "disable", "group", "a b", says="an enrollment id has")

    def test_device_keys(self):
        derive = ("enrollment", "device-key")
        good = self.file("group.key", b"AAECAwQFBgcICQoLDA0ODw==\n")
        out = ("--key-file", self.path("device.key"))
        self.refused(USAGE, *derive, self.path("none.key"), "pump-1", *out, says="cannot read")
        self.refused(USAGE, *derive, self.file("bad.key", b"!"), "pump-1", *out,
                     says="holds no key")
        self.refused(USAGE, *derive, self.file("short.key", b"AAEC"), "pump-1", *out,
                     says="16 bytes")
        self.refused(USAGE, *derive, good, "a b", *out, says="an enrollment id has")
        self.refused(USAGE, *derive, good, "pump-1", "--key-file", good, says="does not exist yet")
        self.refused(USAGE, *derive, good, "pump-1", says="--key-file is required")


def run_in_azure(*arguments):
    from operator_rig import CLEAN, PROGRAM
    hub = "HostName=127.0.0.1:1;SharedAccessKeyName=x;SharedAccessKey=AAEC"
    return run([PROGRAM, *arguments], check=False,
               environment={**CLEAN, "AZURE_IOTHUB_CONNECTIONSTRING": hub})


class WithHub(HubCase):
    """Input that only the hub, or TLS, can refuse."""

    def test_wrong_ca(self):
        other, _ = Certificates(self.folder, "other").authority
        code, _, error = self.operator.call("--ca", other, "device", "show", "d1")
        self.assertEqual(code, 1)
        self.assertIn("cannot be trusted", error)
        self.assertIn("--ca", error)

    def test_wrong_key(self):
        with open(self.operator.profile, encoding="utf-8") as profile:
            text = profile.read()
        self.assertIn("SharedAccessKey=", text)
        wrong = text.replace("SharedAccessKey=", "SharedAccessKey=AAAA")
        self.file("wrong.toml", wrong.encode())
        code, document = Operator(self.path("wrong.toml")).json("device", "show", "d1")
        self.assertEqual(code, REFUSED)
        self.assertEqual(document["error"]["code"], "not_authorized")

    def test_device_that_is_not_there(self):
        code, document = self.operator.json("device", "show", "nobody")
        self.assertEqual(code, NOT_FOUND)
        self.assertEqual(document["error"]["code"], "not_found")

    def test_device_that_is_there(self):
        self.assertEqual(
            self.operator.call("device", "create", "d1", "--key-file", self.path("1"))[0], 0)
        code, _, error = self.operator.call("device", "create", "d1", "--key-file", self.path("2"))
        self.assertEqual(code, CONFLICT)
        self.assertIn("there is a device 'd1' already", error)
        # A key file that was lost is written again.
        code, out, error = self.operator.call("device", "show", "d1", "--key-file", self.path("2"))
        self.assertEqual(code, 0, error)
        with open(self.path("1"), encoding="ascii") as first, \
                open(self.path("2"), encoding="ascii") as second:
            key = first.read()
            self.assertEqual(key, second.read())
        self.assertNotIn(key.rpartition("SharedAccessKey=")[2].strip(), out + error)
        self.assertEqual(self.operator.call("device", "show", "d1", "--key-file",
                                            self.path("2"))[0], USAGE)


if __name__ == "__main__":
    unittest.main()
