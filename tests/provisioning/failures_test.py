"""What goes wrong while resources are made and removed, and that the next run goes on."""

import os
import re
import signal
import subprocess

from tests.provisioning import rig
from tests.provisioning.resources import DPS, HUB, STORAGE, Refusal

ALL = ["IotHubs", "containers", "provisioningServices", "storageAccounts"]
DEPLOYING = "/deployments/mcu-ota?"
FOREIGN = {"location": "westeurope", "tags": {"team": "other"}}


class FailureCase(rig.ProvisioningCase):
    """These have no hub to talk to: the set-up ends where it would make the enrollment group."""

    def setUp(self):
        super().setUp()
        # Stands in for mcu-ota, which other tests run: here it tells a group and a key.
        self.wrap("mcu-ota", self._stand_in("mcu-ota", """
case "$*" in
  *--key-file*) printf a2V5 >"$(printf '%s\\n' "$*" | sed 's/.*--key-file \\([^ ]*\\).*/\\1/')" ;;
  *) echo '{"attestation": "symmetricKey"}' ;;
esac
"""))

    def _stand_in(self, name, text):
        program = self.folder / f"stand-in-{name}"
        program.write_text(f"#!/bin/bash\n{text}")
        program.chmod(0o755)
        return program

    def names(self):
        return {tag: value for tag, value in self.group().tags.items() if tag != "created-by"}

    def assert_continued(self, *arguments):
        """The next run makes the rest, under the names that the first one chose."""
        names = self.names()
        self.setup(*arguments)
        self.assertEqual(self.kinds(), ALL)
        self.assertEqual(self.names(), names)
        made = {r.name for r in self.group().resources.values() if "/" not in r.name}
        self.assertEqual(made, set(names.values()))
        self.assert_no_secret_shown()


class Refused(FailureCase):
    """By Azure."""

    def test_a_second_free_hub_is_over_the_quota_and_a_paid_one_is_not(self):
        other = self.double.subscription.put_group("other", FOREIGN)
        header = {"type": HUB, "name": "theirs", "location": "westeurope",
                  "sku": {"name": "F1", "capacity": 1}}
        self.double.subscription.put(other, header, {})
        said = self.setup(code=9)
        self.assertIn("Max number of Iot Hubs exceeded", said)
        self.assertIn("use --tier S1", said)
        self.assert_continued("--tier", "S1", "--units", "2")
        hub = self.group().resources[HUB.lower(), self.names()["mcu-ota-hub"].lower()]
        self.assertEqual(hub.sku, {"name": "S1", "capacity": 2})
        # What there is keeps its tier: without one the next run takes it as it is.
        self.double.requests.clear()
        self.assertIn("all there", self.setup())
        self.assertEqual(self.double.changes(), [])
        self.assertIn("cannot become F1", self.setup("--tier", "F1", code=4))
        self.assertEqual(self.double.changes(), [])

    def test_a_name_that_is_taken_is_chosen_again(self):
        self.double.subscription.taken |= {(STORAGE, "theirs"), (HUB, "theirs-hub")}
        said = self.setup("--storage", "theirs", code=4)
        self.assertIn("is already taken", said)
        self.assertIn("choose another name", said)
        self.assertEqual(self.kinds(), [])
        said = self.setup("--storage", "mine77", "--hub", "theirs-hub", code=4)
        self.assertIn("choose another name", said)
        self.assertEqual(self.names()["mcu-ota-storage"], "mine77")
        self.setup("--hub", "my-hub-77")
        self.assertEqual(self.names()["mcu-ota-hub"], "my-hub-77")
        self.assertEqual(self.names()["mcu-ota-storage"], "mine77")
        self.assertEqual(self.kinds(), ALL)
        said = self.setup("--hub", "another-hub", code=4)
        self.assertIn("has the IoT Hub my-hub-77 already", said)

    def test_what_fails_halfway_is_continued(self):
        self.double.subscription.failures.append(
            (DPS, Refusal(500, "InternalServerError", "Something is broken.")))
        said = self.setup(code=1)
        self.assertIn("Something is broken.", said)
        self.assertIn("run the same command again", said)
        self.assertEqual(self.kinds(), ["IotHubs", "storageAccounts"])
        self.assertFalse(self.profile.exists())
        self.assert_continued()

    def test_a_location_without_the_service_is_chosen_again(self):
        self.double.subscription.closed.add("nowhere")
        self.assertIn("choose another --location", self.setup("--location", "Nowhere", code=2))
        self.assertEqual(self.kinds(), [])
        self.setup("--location", "North Europe")
        self.assertEqual({r.location for r in self.group().resources.values() if "/" not in r.name},
                         {"northeurope"})
        self.double.requests.clear()
        self.assertIn("has its resources in northeurope", self.setup("--location", "westus",
                                                                     code=4))
        self.setup()
        self.assertEqual(self.double.changes(), [])

    def test_a_login_without_a_subscription_says_what_it_lacks(self):
        self.double.subscription.is_visible = False
        self.assertIn("needs the role Contributor", self.setup(code=5))

    def test_a_wrong_password_is_refused_and_not_shown(self):
        code, _, said = self.run_script("setup_resources", PASSWORD="wrong and secret")
        self.assertEqual(code, 5, said)
        self.assertIn("check APP_ID, PASSWORD and TENANT_ID", said)
        self.assertNotIn("wrong and secret", said + self.command_lines.read_text())
        self.assertEqual(self.double.changes(), [])


class BrokenOff(FailureCase):
    def test_a_lost_connection_leaves_a_deployment_that_the_next_run_waits_for(self):
        def drop(method, path):
            return bool(re.search(r"operationStatuses", path))

        self.double.drop = drop
        said = self.setup(code=1)
        self.assertIn("go on where it stopped", said)
        self.assertTrue(self.group().deployments["mcu-ota"].is_active)
        self.double.drop = lambda method, path: False
        self.double.requests.clear()
        self.assert_continued()
        self.assertEqual(self.double.changes(), [], "the earlier deployment was enough")

    def test_without_any_connection_nothing_is_made(self):
        self.double.drop = lambda method, path: "/subscriptions/" in path
        said = self.setup(code=1)
        self.assertIn("check the connection", said)
        self.assertEqual(self.double.subscription.groups, {})

    def test_ctrl_c_in_the_middle(self):
        child = None
        result = []

        def interrupt(method, path):
            if "operationStatuses" in path and not result:
                result.append("interrupted")
                os.killpg(child.pid, signal.SIGINT)

        self.double.before = interrupt
        child = self.start_script("setup_resources", "--profile", self.profile)
        said = child.communicate(timeout=rig.RUN_LIMIT_S)[0]
        self.output += said
        self.assertEqual(child.returncode, 130, said)
        self.assertIn("run the same command again to continue", said)
        self.assertFalse(self.profile.exists())
        self.double.before = lambda method, path: None
        self.assert_continued()

    def test_a_clean_up_that_was_broken_off_is_waited_for(self):
        self.setup()
        self.double.drop = lambda method, path: "/deletion" in path
        self.clean("--yes", code=1)
        self.assertTrue(self.group().deleting)
        self.assertIn("is being deleted", self.setup(code=4))
        self.double.drop = lambda method, path: False
        self.clean("--yes")
        self.assertEqual(self.double.subscription.groups, {})


class NotOurs(FailureCase):
    def test_a_foreign_group_is_neither_used_nor_removed(self):
        self.double.subscription.put_group("mcu-ota", FOREIGN)
        self.assertIn("was not made by this script", self.setup(code=4))
        self.assertIn("was not made by setup_resources.sh", self.clean("--yes", code=5))
        self.assertEqual(self.double.changes(), [])
        self.clean("--yes", "--force")
        self.assertEqual(self.double.subscription.groups, {})

    def test_a_foreign_resource_in_our_group_is_not_removed_unasked(self):
        self.setup()
        self.double.subscription.put(
            self.group(), {"type": STORAGE, "name": "theirs", "location": "westeurope",
                           "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}, {})
        said = self.clean("--yes", code=5)
        self.assertRegex(said, r"storageAccounts +theirs +westeurope +no\n")
        self.assertIn("resources in group mcu-ota: 4, of others: 1\n", said)
        self.assertIn("holds resources that setup_resources.sh did not make", said)
        self.assertEqual(len(self.kinds()), 5)
        self.clean("--yes", "--force")
        self.assertEqual(self.double.subscription.groups, {})

    def test_the_profile_of_another_hub_is_kept(self):
        self.profile.parent.mkdir()
        self.profile.write_text("kind = 'local'\n")
        self.assertIn("is that of another hub", self.setup(code=4))
        self.assertEqual(self.profile.read_text(), "kind = 'local'\n")
        self.assertEqual(self.double.changes(), [])

    def test_an_existing_login_is_used_and_that_of_an_application_leaves_it_alone(self):
        nobody = {"APP_ID": "", "PASSWORD": "", "TENANT_ID": ""}
        self.assertIn("run 'az login'", self.setup(code=5, **nobody))
        subprocess.run(
            ["az", "login", "--service-principal", "--username", rig.APPLICATION, "--password",
             "@-", "--tenant", rig.TENANT], input=rig.PASSWORD, env=self.environment(), text=True,
            check=True, capture_output=True)
        self.setup(**nobody)
        self.assertEqual(self.kinds(), ALL)
        login = sorted(path.name for path in (self.folder / "az").iterdir())
        self.clean("--yes")
        self.assertEqual(sorted(path.name for path in (self.folder / "az").iterdir()), login)


if __name__ == "__main__":
    rig.main()
