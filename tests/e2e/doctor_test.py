"""mcu-ota doctor against the local hub: each thing that can be wrong is found and named."""

import os
import re
import sqlite3
import unittest
from contextlib import closing

from operator_rig import FolderCase, HubCase, Operator
from rig.certificates import Certificates
from rig.https_server import Answer, HttpsServer


class Doctor(HubCase):
    def examine(self, *arguments, profile=None, healthy):
        """Check to (result, detail, fix); the exit code says the same as the document."""
        code, document = Operator(profile or self.operator.profile).json("doctor", *arguments)
        self.assertEqual(document["healthy"], healthy, document)
        self.assertEqual(code, 0 if healthy else 1)
        counted = {word: sum(check["result"] == word for check in document["checks"])
                   for word in ("ok", "failed", "skipped")}
        self.assertEqual(counted, {word: document[word] for word in counted})
        return {check["check"]: check for check in document["checks"]}

    def assert_only_failed(self, checks, *names):
        self.assertEqual({name for name, check in checks.items() if check["result"] == "failed"},
                         set(names), checks)

    def profile_text(self):
        with open(self.operator.profile, encoding="utf-8") as file:
            return file.read()

    def changed_profile(self, pattern, replacement, mode=0o600):
        text, count = re.subn(pattern, replacement, self.profile_text())
        self.assertGreater(count, 0, pattern)
        path = self.file("changed.toml", text.encode())
        os.chmod(path, mode)
        return path

    def test_a_running_hub_is_healthy_and_nothing_is_changed(self):
        checks = self.examine(healthy=True)
        for name in ("profile.file", "profile.mode", "profile.hub", "profile.storage",
                     "profile.dps", "profile.ca", "hub.address", "hub.tls", "hub.key",
                     "hub.rights", "hub.configurations", "hub.devices", "dps.address", "dps.tls",
                     "dps.key", "dps.rights", "storage.address", "storage.tls", "storage.key",
                     "storage.container", "clock", "provisioning.id_scope",
                     "provisioning.address", "provisioning.tls"):
            self.assertEqual(checks[name]["result"], "ok", checks.get(name))
        self.assertIn("mcu-ota local hub", checks["hub.tls"]["detail"])
        self.assertEqual(checks["storage.write"]["result"], "skipped")
        self.assertEqual(self.operator.json("device", "list")[1]["devices"], [])

    def test_a_probe_is_written_and_gone_again(self):
        code, _, error = self.operator.call("deploy", self.file("a.bin"), "1", "pump", "lab")
        self.assertEqual(code, 0, error)
        checks = self.examine("--write", healthy=True)
        self.assertEqual(checks["storage.write"]["result"], "ok")
        stored = [name for _, _, names in os.walk(os.path.join(self.folder, "hub"))
                  for name in names if "doctor" in name]
        self.assertEqual(stored, [])

    def test_people_get_a_line_for_each_check(self):
        code, out, error = self.operator.call("doctor")
        self.assertEqual((code, error), (0, ""))
        self.assertRegex(out, r"(?m)^ok +hub\.key +the key of policy 'iothubowner' is accepted$")
        self.assertRegex(out, r"(?m)^\d+ ok, 0 warnings, 0 failed, \d+ skipped$")

    def test_no_secret_is_ever_shown(self):
        wrong = self.changed_profile("SharedAccessKey=", "SharedAccessKey=AAAA")
        secrets = re.findall(r"(?:SharedAccessKey|AccountKey)=([^;'\"]+)", self.profile_text())
        secrets += re.findall(r"enrollment_group_key *= *['\"](.+)['\"]", self.profile_text())
        self.assertGreaterEqual(len(secrets), 3)
        for profile in (self.operator.profile, wrong):
            for more in ((), ("--json",)):
                _, out, error = Operator(profile).call("doctor", *more)
                for secret in secrets:
                    self.assertNotIn(secret, out + error)

    def test_a_wrong_key_is_named_by_its_policy(self):
        path = self.changed_profile(r"(iothub_connection_string.*SharedAccessKey=)", r"\1AAAA")
        checks = self.examine(profile=path, healthy=False)
        self.assert_only_failed(checks, "hub.key")
        self.assertIn("the key of policy 'iothubowner' is refused", checks["hub.key"]["detail"])
        self.assertIn("401", checks["hub.key"]["detail"])
        self.assertEqual(checks["dps.key"]["result"], "ok")  # the others are examined all the same

    def test_a_policy_without_rights_is_told_what_it_lacks(self):
        lacking = {"service": "registryRead, registryWrite", "registryReadWrite": "serviceConnect"}
        self.site.stop_hub()  # it locks its database
        keys = {policy: self.key_of(policy) for policy in lacking}
        self.site.start_hub_again()
        for policy, lacks in lacking.items():
            path = self.changed_profile(
                r"(iothub_connection_string.*SharedAccessKeyName=)[^;]+(;SharedAccessKey=)[^;'\"]+",
                rf"\g<1>{policy}\g<2>{keys[policy]}")
            checks = self.examine(profile=path, healthy=False)
            self.assert_only_failed(checks, "hub.rights")
            self.assertIn("lacks " + lacks, checks["hub.rights"]["detail"])

    def key_of(self, policy):
        """Of another policy than the profile's: the hub keeps it where only its owner can look."""
        with closing(sqlite3.connect(os.path.join(self.folder, "hub", "hub.sqlite"))) as database:
            (key,), = database.execute(
                "SELECT primary_key FROM policy WHERE name = ? AND service = 'hub'", (policy,))
        return key

    def test_an_untrusted_certificate_is_shown(self):
        other, _ = Certificates(self.folder, "other").authority
        checks = self.examine("--ca", str(other), healthy=False)
        self.assert_only_failed(checks, "hub.tls", "dps.tls", "storage.tls", "provisioning.tls")
        self.assertIn("mcu-ota local hub", checks["hub.tls"]["detail"])
        self.assertIn("not trusted", checks["hub.tls"]["detail"])
        self.assertIn("--ca", checks["hub.tls"]["fix"])
        self.assertEqual(checks["hub.key"]["result"], "skipped")

    def test_a_hub_that_is_down(self):
        self.site.stop_hub()
        checks = self.examine(healthy=False)
        self.assert_only_failed(checks, "hub.address", "dps.address", "storage.address",
                                "provisioning.address")
        self.assertIn("start `mcu-ota hub`", checks["hub.address"]["detail"])

    def test_a_wrong_storage_key(self):
        path = self.changed_profile(r"AccountKey=....", "AccountKey=AAAA")
        checks = self.examine(profile=path, healthy=False)
        self.assert_only_failed(checks, "storage.key")
        self.assertIn("is refused", checks["storage.key"]["detail"])

    def test_a_profile_that_others_can_read(self):
        path = self.changed_profile("^", "", mode=0o644)
        checks = self.examine(profile=path, healthy=False)
        self.assert_only_failed(checks, "profile.mode")
        self.assertIn("chmod 600 " + path, checks["profile.mode"]["fix"])

    def test_a_profile_without_dps(self):
        path = self.changed_profile(r"(?m)^(dps_connection_string|dps_host|id_scope) .*\n", "")
        checks = self.examine(profile=path, healthy=True)
        for name in ("profile.dps", "dps.address", "dps.key", "provisioning.id_scope"):
            self.assertEqual(checks[name]["result"], "skipped", name)

    def test_the_quotas_of_the_free_edition(self):
        self.site.stop_hub()
        self.site.start_hub(arguments=("--limits", "f1"))
        checks = self.examine(healthy=True)
        self.assertIn("0 of 10 configurations", checks["hub.configurations"]["detail"])
        self.assertIn("0 of 500 devices", checks["hub.devices"]["detail"])


class WithoutProfile(FolderCase):
    def test_a_missing_profile_is_the_finding(self):
        code, document = Operator(self.path("none.toml")).json("doctor")
        self.assertEqual((code, document["healthy"]), (1, False))
        self.assertEqual(document["checks"][0]["check"], "profile.file")
        self.assertIn("mcu-ota hub", document["checks"][0]["detail"])

    def test_a_wrong_clock_explains_refused_keys(self):
        certificates = Certificates(self.folder)
        server = HttpsServer(certificates, lambda _: Answer(
            401, [("Date", "Tue, 01 Jan 2030 00:00:00 GMT")]))
        self.addCleanup(server.close)
        profile = self.file("profile.toml", (
            f"ca_file = '{certificates.authority[0]}'\nkind = 'azure'\n"
            f"iothub_connection_string = 'HostName={server.host};"
            "SharedAccessKeyName=owner;SharedAccessKey=AAECAwQFBgcICQoLDA0ODw=='\n").encode())
        os.chmod(profile, 0o600)
        code, document = Operator(profile).json("doctor")
        self.assertEqual(code, 1)
        checks = {check["check"]: check for check in document["checks"]}
        self.assertEqual(checks["clock"]["result"], "failed")
        self.assertRegex(checks["clock"]["detail"], r"\d+ min (ahead|behind)")
        self.assertEqual(checks["hub.key"]["result"], "failed")
        self.assertIn("set this machine's clock first", checks["hub.key"]["fix"])


if __name__ == "__main__":
    unittest.main()
