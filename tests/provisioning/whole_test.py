"""From nothing to a hub that mcu-ota works with, and back: the keys are those of a local hub."""

import os
import pathlib
import stat
import tomllib

from tests.provisioning import rig
from tests.provisioning.resources import Access
from tests.rig import process
from tests.rig.site import CLEAN, Site


def parts(connection):
    return dict(part.split("=", 1) for part in connection.split(";") if part)


class Whole(rig.ProvisioningCase):
    def setUp(self):
        super().setUp()
        self.site = Site(self.folder, self.build / "bin")
        self.addCleanup(self.site.close)
        self.site.start_hub()
        with open(self.site.profile, "rb") as file:
            self.local = tomllib.load(file)
        hub, dps = parts(self.local["iothub_connection_string"]), parts(
            self.local["dps_connection_string"])
        storage = parts(self.local["storage_connection_string"])
        self.account = storage["AccountName"]
        self._reset_double(Access(
            hub_host=hub["HostName"], hub_key=hub["SharedAccessKey"],
            dps_service_host=dps["HostName"], dps_key=dps["SharedAccessKey"],
            dps_device_host=self.local["dps_host"], id_scope=self.local["id_scope"],
            storage_key=storage["AccountKey"], blob_endpoint=storage["BlobEndpoint"] + "/"))
        # Both authorities: that of the double for az, that of the hub for mcu-ota.
        self.bundle = self.folder / "trusted.pem"
        self.bundle.write_bytes(self.certificates.authority[0].read_bytes()
                                + pathlib.Path(self.site.ca).read_bytes())
        self.arguments = ("--storage", self.account, "--product", "pump", "--device-group", "lab")

    def operate(self, *arguments):
        return process.run([str(self.build / "bin" / "mcu-ota"), *map(str, arguments), "--profile",
                            str(self.profile)], environment=CLEAN)[1]

    def read_profile(self):
        with open(self.profile, "rb") as file:
            return tomllib.load(file)

    def test_from_nothing_to_an_update_and_back(self):
        self.setup(*self.arguments)
        self.assertEqual(self.kinds(), ["IotHubs", "containers", "provisioningServices",
                                        "storageAccounts"])
        self.check_profile()
        self.check_it_works()
        self.check_second_run_changes_nothing()
        self.check_clean_up()
        commands = self.assert_no_secret_shown()
        self.assertNotIn(self.read_profile()["enrollment_group_key"], self.output + commands)

    def check_profile(self):
        profile = self.read_profile()
        self.assertEqual(profile["kind"], "azure")
        self.assertEqual((profile["tier"], profile["units"]), ("F1", 1))
        self.assertEqual(profile["dps_host"], self.local["dps_host"])
        self.assertEqual(profile["id_scope"], self.local["id_scope"])
        self.key_file = self.profile.with_name("profile.group.key")
        for file in (self.profile, self.key_file):
            self.assertEqual(stat.S_IMODE(os.stat(file).st_mode), 0o600, file)
        self.assertEqual(sorted(path.name for path in self.profile.parent.iterdir()),
                         ["profile.group.key", "profile.toml"])
        self.assertEqual(self.key_file.read_text().strip(), profile["enrollment_group_key"])

    def check_it_works(self):
        """The profile reaches hub, storage and DPS; a device of the group gets the firmware."""
        self.operate("doctor")
        groups = self.operate("enrollment", "list")
        self.assertRegex(groups, r"mcu-ota +pump +lab +symmetricKey")
        firmware = self.folder / "pump.bin"
        firmware.write_bytes(os.urandom(300_000))
        self.operate("deploy", firmware, "7", "pump", "lab")
        agent = self.site.add_agent("pump-1", product="pump", group_key=self.key_file)
        agent.start()
        agent.wait_outcome(7)
        agent.stop()
        self.assertEqual(agent.read_image(), firmware.read_bytes())
        self.assertIn("pump-1", self.operate("device", "list"))

    def check_second_run_changes_nothing(self):
        before = (self.profile.stat().st_mtime_ns, self.key_file.stat().st_mtime_ns)
        self.double.requests.clear()
        said = self.setup(*self.arguments)
        self.assertIn("all there", said)
        self.assertEqual(self.double.changes(), [])
        self.assertEqual((self.profile.stat().st_mtime_ns, self.key_file.stat().st_mtime_ns),
                         before)

    def check_clean_up(self):
        self.double.requests.clear()
        code, shown = self.on_terminal("clean_resources", typed="mcu-otter")
        self.assertEqual(code, 5, shown)
        for words in (self.account, "resources in group mcu-ota: 3, of others: 0",
                      "'mcu-otter' is not"):
            self.assertIn(words, shown)
        said = self.clean(code=5)
        self.assertIn("there is no terminal", said)
        self.assertEqual(self.double.changes(), [])
        code, shown = self.on_terminal("clean_resources", typed="mcu-ota")
        self.assertEqual(code, 0, shown)
        self.assertIn("is gone", shown)
        self.assertEqual(self.double.subscription.groups, {})
        self.assertIn("nothing to do", self.clean("--yes"))


if __name__ == "__main__":
    rig.main()
