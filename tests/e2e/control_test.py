"""Verbs that change a rollout: pause, resume, abort, retry, renew, rollback, deploy again.

Usage: python3 -m tests.e2e.control_test BUILD_FOLDER
"""

import hashlib
import json
import os
import shutil
import subprocess
import unittest
import urllib.parse

from tests.e2e.agent_case import PRODUCT, SLOW, AgentCase
from tests.rig import crowd
from tests.rig.site import CLEAN

USAGE, NOT_FOUND, CONFLICT, REFUSED = 2, 3, 4, 5
MANY = 1000
ROUNDS = 6  # of each pair of commands that meet


class ControlCase(AgentCase):
    def setUp(self):
        super().setUp()
        self.name = self.name[:40].strip("-")  # a group's name has an end

    def verb(self, *arguments):
        """(exit code, the document on standard output)"""
        code, out, error = self.site.operate(*arguments, "--json", check=False)
        self.assertTrue(out, error)
        return code, json.loads(out)

    def done(self, *arguments):
        code, document = self.verb(*arguments)
        self.assertEqual(code, 0, document)
        return document

    def rollouts(self):
        """The configurations of this test's group, newest revision and version first."""
        mine = [c for c in self.hub.configurations() if c["labels"].get("group") == self.name]

        def age(configuration):
            labels = configuration["labels"]
            return int(labels["version"]), int(labels["revision"])

        return sorted(mine, key=age, reverse=True)

    def written(self):
        """What operators write of them, without what the hub counts."""
        keys = ("id", "etag", "labels", "targetCondition", "priority", "content")
        return [{key: one[key] for key in keys} for one in self.rollouts()]

    def offer_of(self, device):
        return self.hub.twin(device)["properties"]["desired"].get("extFwInfo")


class ByHand(ControlCase):
    """Devices that are connections of the test: they say exactly what it wants."""

    def make_devices(self, count):
        names = [f"{self.name}-{number}" for number in range(count)]
        crowd.create(self.hub, names, PRODUCT, self.name)
        return names

    def report(self, device, **keys):
        connection = crowd.connect(self.hub, ("127.0.0.1", self.site.mqtt_port), device)
        self.addCleanup(connection.close)
        document = {"extFwInfo": {"Code": "none", **keys}}
        self.assertEqual(connection.report(document), 204)

    def count_offered(self, version):
        rows = self.hub.query(
            f"SELECT COUNT() AS n FROM devices WHERE tags.deviceGroup='{self.name}' AND "
            f"properties.desired.extFwInfo.version={version}"
        )
        return rows[0]["n"] if rows else 0

    def names_of(self, version=None):
        return (PRODUCT, self.name) + ((version,) if version else ())

    # ---- pause and resume ----
    def test_pause_lets_only_those_that_have_begun_go_on(self):
        names = self.make_devices(MANY)
        begun, failed, runs, withdrawn, silent = names[:5]
        self.deploy(self.image(), 3)
        self.assertEqual(self.count_offered(3), MANY)
        self.report(begun, Status="downloading", Phase="downloading", Target=3, Version=2)
        self.report(failed, Status="error", Phase="idle", Code="rolled_back", Target=3, Version=2)
        self.report(runs, Status="applied", Phase="idle", Target=3, Version=3)
        self.report(withdrawn, Status="applied", Phase="idle", Code="withdrawn", Target=3,
                    Version=2)
        paused = self.done("pause", *self.names_of())
        self.assertEqual((paused["result"], paused["state"]), ("paused", "paused"))
        self.assertEqual(self.count_offered(3), 3)
        for device in (begun, failed, runs):
            self.assertEqual(self.offer_of(device)["version"], 3, device)
        for device in (withdrawn, silent):
            self.assertIsNone(self.offer_of(device), device)
        # On the rest of its way the device stays in.
        for status, phase, version in (("applying", "programming", 2), ("applied", "idle", 3)):
            self.report(begun, Status=status, Phase=phase, Target=3, Version=version)
            self.assertEqual(self.offer_of(begun)["version"], 3, status)
        before = self.written()
        self.assertEqual(self.done("pause", *self.names_of())["result"], "already_there")
        again = self.done("deploy", self.last_image, 3, *self.names_of())
        self.assertEqual((again["result"], again["state"]), ("already_there", "paused"))
        self.assertIn("mcu-ota resume", again["warnings"][0])
        self.assertEqual(self.written(), before)
        self.assertEqual(self.done("resume", paused["configuration"])["result"], "resumed")
        self.assertEqual(self.count_offered(3), MANY)
        self.assertEqual(self.done("resume", *self.names_of(3))["result"], "already_there")

    def image(self, kib=64):
        self.last_image = super().image(kib)
        return self.last_image

    def elsewhere(self, *arguments):
        """The command of another operator: another folder, another home, a copy of the profile."""
        folder = self.path / f"{self.name}-elsewhere"
        folder.mkdir(exist_ok=True)
        profile = shutil.copy(self.site.profile, folder / "my.toml")
        return subprocess.run(
            [str(self.site.binaries / "mcu-ota"), *map(str, arguments), "--profile", profile],
            cwd=folder, env={**os.environ, **CLEAN, "HOME": str(folder)}, capture_output=True,
            stdin=subprocess.DEVNULL, timeout=60, check=False,
        ).returncode

    def test_a_pause_killed_at_any_time_is_done_or_not_and_resumed_from_elsewhere(self):
        self.make_devices(3)
        self.deploy(self.image(), 1)
        plain = self.rollouts()[0]["targetCondition"]
        seen = set()
        for milliseconds in range(0, 48, 2):
            command = self.start_verb("pause", *self.names_of())
            try:
                command.wait(milliseconds / 1000)
            except subprocess.TimeoutExpired:
                command.kill()
            command.communicate()
            (one,) = self.rollouts()
            paused = one["labels"].get("state") == "paused"
            self.assertEqual(one["targetCondition"] != plain, paused, one)
            seen.add(paused)
            self.assertEqual(self.elsewhere("resume", *self.names_of()), 0)
            (one,) = self.rollouts()
            self.assertNotIn("state", one["labels"])
            self.assertEqual(one["targetCondition"], plain)
            self.assertEqual(self.count_offered(1), 3)
        self.assertIn(False, seen)  # killed before it was done

    # ---- abort ----
    def test_abort_takes_it_back_and_deploy_offers_it_again(self):
        first, second = self.make_devices(2)
        self.deploy(self.image(), 1)
        self.deploy(self.image(), 2)
        before = self.written()
        code, document = self.verb("abort", *self.names_of())
        self.assertEqual((code, document["error"]["code"]), (REFUSED, "not_confirmed"))
        self.assertIn("2 devices", document["error"]["message"])
        self.assertIn("offered version 1", document["error"]["message"])
        self.assertEqual(self.written(), before)
        aborted = self.done("abort", *self.names_of(), "--yes")
        self.assertEqual((aborted["state"], aborted["targetCondition"]), ("aborted", ""))
        self.assertEqual(aborted["fallbackVersion"], 1)
        self.assertEqual(self.offer_of(first)["version"], 1)
        before = self.written()
        self.assertEqual(self.done("abort", *self.names_of())["result"], "already_there")
        for verb in ("pause", "resume", "retry", "renew"):
            code, document = self.verb(verb, *self.names_of())
            self.assertEqual((code, document["error"]["code"]), (CONFLICT, "rollout_aborted"))
            self.assertIn("deploy the same file", document["error"]["message"])
        self.assertEqual(self.written(), before)
        again = self.done("deploy", self.last_image, 2, *self.names_of())
        self.assertEqual((again["result"], again["revision"]), ("created", 2))
        self.assertEqual(self.offer_of(second)["attempt"], 1)
        self.assertEqual([c["labels"]["revision"] for c in self.rollouts()], ["2", "1"])

    # ---- retry and renew ----
    def test_retry_raises_the_attempt_in_the_twin_of_a_device_that_failed(self):
        failed, _ = self.make_devices(2)
        self.deploy(self.image(), 4)
        self.report(failed, Status="error", Phase="idle", Code="hash_mismatch", Target=4,
                    Attempt=0, Version=0)
        before = self.offer_of(failed)
        self.assertNotIn("attempt", before)
        document = self.done("retry", *self.names_of())
        self.assertEqual((document["result"], document["attempt"]), ("created", 1))
        after = self.offer_of(failed)
        self.assertEqual(after["attempt"], 1)
        for key in ("version", "url", "sha256", "size", "mcuVersion"):
            self.assertEqual(after[key], before[key])
        (only,) = self.rollouts()
        self.assertEqual(only["id"], document["configuration"])
        self.assertEqual(only["priority"], 4)

    def test_renew_gives_a_longer_token_and_keeps_a_pause(self):
        (device,) = self.make_devices(1)
        deployed = self.done("deploy", self.image(), 1, *self.names_of(), "-d", "2")
        self.report(device, Status="downloading", Phase="downloading", Target=1, Version=0)
        self.done("pause", *self.names_of())
        renewed = self.done("renew", *self.names_of(), "-d", "90")
        self.assertEqual(renewed["state"], "paused")
        self.assertGreater(renewed["tokenExpires"], deployed["tokenExpires"])
        token = urllib.parse.parse_qs(self.offer_of(device)["sas"])
        self.assertEqual(token["se"], [renewed["tokenExpires"]])
        (only,) = self.rollouts()
        self.assertEqual(only["id"], renewed["configuration"])
        content = self.hub.get_blob(deployed["url"], self.path_of(deployed["url"]))
        self.assertEqual(content, self.last_image.read_bytes())

    def path_of(self, url):
        return urllib.parse.unquote(url.removeprefix(self.hub.blob_url("")))

    def test_what_a_killed_retry_left_is_finished_by_each_next_change(self):
        self.make_devices(1)
        verbs = (
            ("retry", "finished", 2),
            ("renew", "finished", 2),
            ("pause", "paused", 2),
            ("abort", "aborted", 2),
            ("deploy", "already_there", 2),
        )
        for version, (verb, result, revision) in enumerate(verbs, 1):
            with self.subTest(verb=verb):
                self.deploy(self.image(), version)
                self.add_second_revision()
                words = (self.last_image, version, *self.names_of()) if verb == "deploy" else (
                    *self.names_of(version), *(["--yes"] if verb == "abort" else []))
                self.assertEqual(self.done(verb, *words)["result"], result)
                mine = [c for c in self.rollouts() if c["labels"]["version"] == str(version)]
                self.assertEqual([c["labels"]["revision"] for c in mine], [str(revision)])

    def add_second_revision(self):
        """As a retry leaves the hub that is killed before it deletes the first one."""
        first = self.rollouts()[0]
        second = json.loads(json.dumps(first))
        second["id"] = first["id"].replace("-r1-", "-r2-")
        second["labels"]["revision"] = "2"
        second["content"]["deviceContent"]["properties.desired.extFwInfo"]["attempt"] = 1
        self.hub.create_configuration(second)

    # ---- rollback ----
    def test_rollback_brings_the_last_good_image_back_as_the_next_version(self):
        devices = self.make_devices(3)
        good = self.image(5000)  # more than one piece of a download
        self.done("deploy", good, 1, *self.names_of(), "--mcu-version", "1.4.2")
        for device in devices:
            self.report(device, Status="applied", Phase="idle", Target=1, Version=1)
        self.deploy(self.image(), 2)
        for device in devices:
            self.report(device, Status="applied", Phase="idle", Target=2, Version=2)
        before = self.written()
        planned = self.done("rollback", *self.names_of(), "--dry-run")
        self.assertEqual((planned["result"], planned["toVersion"], planned["version"]),
                         ("planned", 1, 3))
        self.assertEqual(planned["devices"],
                         {"targeted": 3, "onFromVersion": 3, "onToVersion": 0})
        code, document = self.verb("rollback", *self.names_of())
        self.assertEqual((code, document["error"]["code"]), (REFUSED, "not_confirmed"))
        for part in ("image of version 1", "as version 3", "report '1.4.2'", "version 2 is aborted",
                     "3 devices"):
            self.assertIn(part, document["error"]["message"])
        self.assertEqual(self.written(), before)

        document = self.done("rollback", *self.names_of(), "--yes")
        self.assertEqual((document["result"], document["mcuVersion"]), ("created", "1.4.2"))
        offer = self.offer_of(devices[0])
        self.assertEqual((offer["version"], offer["mcuVersion"]), (3, "1.4.2"))
        self.assertEqual(offer["sha256"], hashlib.sha256(good.read_bytes()).hexdigest())
        content = self.hub.get_blob(offer["url"], self.path_of(offer["url"]))
        self.assertTrue(content == good.read_bytes())
        self.assertIn(f"/{PRODUCT}/3/", offer["url"])
        states = {c["labels"]["version"]: c["labels"].get("state") for c in self.rollouts()}
        self.assertEqual(states, {"3": None, "2": "aborted", "1": None})
        before = self.written()
        self.assertEqual(self.done("rollback", *self.names_of(), "--yes")["result"],
                         "already_there")
        self.assertEqual(self.written(), before)

    # ---- wrong input ----
    def test_wrong_input_is_said_and_changes_nothing(self):
        self.make_devices(1)
        self.deploy(self.image(), 5)
        before = self.written()
        cases = [
            (NOT_FOUND, "not deployed to", verb, *self.names_of(4))
            for verb in ("pause", "resume", "abort", "retry", "renew")
        ] + [
            (NOT_FOUND, "nothing is deployed", verb, PRODUCT, "nobody", *more)
            for verb, more in (("pause", ()), ("resume", ()), ("abort", ["--yes"]), ("retry", ()),
                               ("renew", ()), ("rollback", ["--yes"]))
        ] + [
            (NOT_FOUND, "there is no rollout", verb, "ota-nothing")
            for verb in ("pause", "resume", "abort", "retry", "renew")
        ] + [
            (USAGE, "1 to 2147483647", verb, *self.names_of("zero"))
            for verb in ("pause", "resume", "abort", "retry", "renew")
        ] + [
            (USAGE, "ROLLOUT", verb) for verb in ("pause", "resume", "abort", "retry", "renew")
        ] + [
            (USAGE, "days", "renew", *self.names_of(), "-d", "0"),
            (USAGE, "days", "renew", *self.names_of(), "-d", "many"),
            (USAGE, "GROUP is required", "rollback", PRODUCT),
            (USAGE, "1 to 2147483647", "rollback", *self.names_of(), "--to", "x"),
            (USAGE, "is not older than", "rollback", *self.names_of(), "--to", "5", "--yes"),
            (USAGE, "MCU's version", "rollback", *self.names_of(), "--mcu-version", "x" * 49),
            (NOT_FOUND, "--mcu-version TEXT", "rollback", *self.names_of(), "--to", "3", "--yes"),
            (NOT_FOUND, "only one", "rollback", *self.names_of(), "--yes"),
        ]
        for expected, says, *words in cases:
            with self.subTest(words=words):
                code, _, error = self.site.operate(*words, check=False)
                self.assertEqual(code, expected, error)
                self.assertIn(says, error)
                self.assertEqual(error.count("\n"), 1, error)
        self.assertEqual(self.written(), before)

    def test_a_blob_that_is_gone_is_said_before_anything_is_changed(self):
        self.make_devices(1)
        url = self.deploy(self.image(), 1)["url"]
        self.deploy(self.image(), 2)
        self.hub.delete_blob(self.path_of(url))
        self.hub.delete_blob(self.path_of(self.rollouts()[0]["content"]["deviceContent"][
            "properties.desired.extFwInfo"]["url"]))
        before = self.written()
        for words in (("retry",), ("renew",), ("rollback", "--to", "1", "--yes")):
            code, document = self.verb(words[0], *self.names_of(), *words[1:])
            self.assertEqual((code, document["error"]["code"]), (NOT_FOUND, "blob_missing"))
        self.assertEqual(self.written(), before)

    # ---- two operators ----
    def start_verb(self, *arguments):
        return subprocess.Popen(
            [str(self.site.binaries / "mcu-ota"), *map(str, arguments), "--json", "--profile",
             str(self.site.profile)],
            env={**os.environ, **CLEAN}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def meet(self, version, first, second):
        """Both commands at once; what each printed, if it reached its goal."""
        commands = [
            self.start_verb(verb, *self.names_of(version), *(["--yes"] * (verb == "abort")))
            for verb in (first, second)
        ]
        documents = [(json.loads(one.communicate(timeout=60)[0]), one.returncode)
                     for one in commands]
        for document, code in documents:
            self.assertIn(code, (0, CONFLICT), document)
        return [document for document, code in documents if code == 0]

    def test_two_operators_at_once_lose_no_change(self):
        self.make_devices(2)
        pairs = (("pause", "abort"), ("pause", "resume"), ("retry", "retry"), ("retry", "pause"),
                 ("renew", "abort"), ("pause", "pause"))
        conflicts = version = 0
        for _ in range(ROUNDS):
            for pair in pairs:
                version += 1
                self.deploy(self.image(1), version)
                reached = self.meet(version, *pair)
                conflicts += 2 - len(reached)
                self.assertTrue(reached, pair)
                newest = self.rollouts()[0]
                state = newest["labels"].get("state", "active")
                self.assertIn((newest["id"], state),
                              [(one["configuration"], one["state"]) for one in reached],
                              (pair, reached))
                wishes = [one["state"] for one in reached if one["result"] != "already_there"]
                if "aborted" in wishes:
                    self.assertEqual(state, "aborted", (pair, reached))
        self.assertGreater(conflicts, 0)


class WithAgents(ControlCase):
    """The real program of a device."""

    def test_paused_devices_that_have_begun_finish_and_the_others_wait_for_resume(self):
        begun, waits = self.add_agent(max_rate=SLOW), self.add_agent(self.name + "-waits")
        self.start(begun)
        image = self.image(1024)
        self.deploy(image, 1)
        self.wait_progress(begun, 10)
        self.done("pause", PRODUCT, self.name)
        self.start(waits)
        self.assert_applied(begun, 1, image)
        self.assertIsNone(self.offer_of(waits.name))
        self.assertEqual(self.count(waits, "request"), 0)
        self.done("resume", PRODUCT, self.name)
        self.assert_applied(waits, 1, image)

    def test_an_aborted_download_stops_and_is_finished_by_the_same_deployment_again(self):
        agent = self.add_agent(max_rate=SLOW)
        self.start(agent)
        image = self.image(1024)
        self.deploy(image, 1)
        self.wait_progress(agent, 10)
        self.done("abort", PRODUCT, self.name, "--yes")
        self.assertEqual(agent.wait_outcome(1)["code"], "withdrawn")
        again = self.deploy(image, 1)
        self.assertEqual((again["result"], again["revision"]), ("created", 2))
        self.assert_applied(agent, 1, image)
        self.assertEqual(self.hub.reported(agent.name)["Attempt"], 1)

    def test_retry_lets_a_device_whose_token_had_expired_go_on(self):
        image = self.image()
        url = self.deploy(image, 1)["url"]
        (made,) = self.rollouts()
        offer = made["content"]["deviceContent"]["properties.desired.extFwInfo"]
        path = urllib.parse.unquote(url.removeprefix(self.hub.blob_url("")))
        offer["sas"] = self.hub.blob_token(path, life_s=-60)
        self.hub.delete_configuration(made["id"])
        self.hub.create_configuration(made)
        agent = self.add_agent()
        self.start(agent)
        self.wait_code(agent, "sas_expired")
        self.assertEqual(self.done("retry", PRODUCT, self.name)["result"], "created")
        self.assert_applied(agent, 1, image)
        self.assertEqual(self.hub.reported(agent.name)["Attempt"], 1)

    def test_a_device_that_runs_the_version_answers_a_renewal_without_work(self):
        agent = self.add_agent()
        self.start(agent)
        image = self.image()
        self.deploy(image, 1)
        self.wait_acknowledged(agent, agent.wait_outcome(1))
        requests = self.count(agent, "request")
        self.done("renew", PRODUCT, self.name)
        outcome = agent.wait_for(lambda e: e["event"] == "outcome" and e.get("attempt", 1) == 1)
        self.wait_acknowledged(agent, outcome)
        reported = self.hub.reported(agent.name)
        self.assertEqual((reported["Status"], reported["Attempt"]), ("applied", 1), reported)
        agent.stop()
        self.assertEqual(self.count(agent, "request"), requests)


if __name__ == "__main__":
    unittest.main()
