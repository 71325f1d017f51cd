"""What the twin may ask of a device: good, bad, late, split, superseded and withdrawn offers.

Usage: python3 -m tests.e2e.agent_offers_test BUILD_FOLDER
"""

import unittest

from tests.e2e.agent_case import KIB, PRODUCT, SLOW, AgentCase

MIB = 1024 * KIB


class Deployments(AgentCase):
    def test_a_newer_one_supersedes_a_running_download(self):
        agent = self.add_agent(max_rate=SLOW)
        self.start(agent)
        self.deploy(self.image(1024), 1)
        self.wait_progress(agent, 10)
        second = self.image()
        self.deploy(second, 2)
        self.assert_applied(agent, 2, second)
        self.assertFalse(any(e["event"] == "outcome" and e["target"] == 1 for e in agent.events))

    def test_one_that_is_deleted_leaves_the_old_version(self):
        agent = self.add_agent(max_rate=SLOW)
        self.start(agent)
        first = self.image()
        self.deploy(first, 1)
        agent.wait_outcome(1)
        second = self.deploy(self.image(1024), 2)["configuration"]
        self.wait_progress(agent, 10)
        # The older one would come back to its place; a group without any is what is tested.
        for configuration in self.hub.configurations():
            if configuration["id"] != second and configuration["id"].startswith(
                f"ota-{PRODUCT}-{self.name}-"
            ):
                self.hub.delete_configuration(configuration["id"])
        self.hub.delete_configuration(second)
        agent.wait_for(lambda e: e["event"] == "phase" and e["phase"] == "idle", 30)
        agent.stop()
        reported = self.hub.reported(agent.name)
        self.assertEqual(reported["Version"], 1, reported)
        self.assertEqual(agent.read_image(), first.read_bytes())

    def test_the_same_again_after_a_reconnect_does_nothing(self):
        agent = self.add_agent()
        self.start(agent)
        image = self.image()
        self.deploy(image, 1)
        outcome = agent.wait_outcome(1)
        self.wait_acknowledged(agent, outcome)
        agent.stop()
        self.start(agent)
        agent.wait_for(lambda event: event["event"] == "offer")
        agent.stop()
        self.assertEqual(self.count(agent, "request"), 1)
        self.assertEqual(self.hub.reported(agent.name)["Status"], "applied")

    def test_a_moved_device_gets_the_release_of_its_new_group(self):
        stays, moves = self.add_agent(), self.add_agent(self.name + "-moves")
        for agent in (stays, moves):
            self.start(agent)
        other_group = self.name + "-other"
        first, other = self.image(), self.image()
        self.deploy(first, 1)
        for agent in (stays, moves):
            agent.wait_outcome(1)
        self.deploy(other, 2, other_group)
        self.site.operate("device", "tag", moves.name, "--group", other_group)
        self.assert_applied(moves, 2, other)
        stays.stop()
        self.assertEqual(stays.read_image(), first.read_bytes())


class Offers(AgentCase):
    """Patches of the twin by another tool than ours."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        file = cls.path / "unwanted.bin"
        file.write_bytes(b"makes the container")
        cls.site.operate("deploy", file, 1, "none", "none")

    def desire(self, agent, offer):
        self.hub.desire(agent.name, offer)

    def test_the_keys_of_the_public_sample_suffice(self):
        agent = self.add_agent()
        self.start(agent)
        content = self.image().read_bytes()
        self.desire(agent, self.offer(content, 4))
        self.assert_applied(agent, 4, content)

    def test_keys_may_come_in_two_patches(self):
        agent = self.add_agent()
        self.start(agent)
        content = self.image().read_bytes()
        offer = self.offer(content, 4)
        self.desire(agent, {key: offer[key] for key in ("version", "size", "url")})
        self.desire(agent, {key: offer[key] for key in ("sas", "sha256")})
        self.assert_applied(agent, 4, content)
        self.assertFalse(any(e.get("code") == "bad_offer" for e in agent.events))

    def assert_refused(self, agent, offer, code, detail):
        """Refused with a reason, nothing fetched, version 1 untouched."""
        self.desire(agent, None)
        self.desire(agent, offer)
        self.wait_acknowledged(
            agent,
            agent.wait_for(lambda e: e["event"] == "outcome" and e["code"] == code, 30),
        )
        reported = self.hub.reported(agent.name)
        self.assertEqual((reported["Code"], reported["Version"]), (code, 1), reported)
        self.assertRegex(reported["Detail"], detail)

    def with_version_1(self):
        agent = self.add_agent()
        self.start(agent)
        content = self.image().read_bytes()
        self.desire(agent, self.offer(content, 1))
        self.wait_acknowledged(agent, agent.wait_outcome(1))
        self.addCleanup(lambda: self.assertEqual(agent.read_image(), content))
        self.addCleanup(agent.stop)
        return agent

    def test_malformed_ones_change_nothing(self):
        agent = self.with_version_1()
        requests = self.count(agent, "request")
        for number, (changes, detail) in enumerate(
            [
                ({"sha256": None}, "sha256"),
                ({"version": "three"}, "version"),
                ({"url": 5}, "url"),
                ({"size": 0}, "size"),
                ({"size": 1 << 40}, "size"),
                ({"url": "https://h/" + "x" * 3000}, "url"),
            ]
        ):
            with self.subTest(detail=detail, changes=str(changes)[:40]):
                offer = self.offer(b"x" * 1000, 10 + number, attempt=number) | changes
                self.assert_refused(agent, offer, "bad_offer", detail)
        self.assertEqual(self.count(agent, "request"), requests)

    def test_ones_for_other_devices_change_nothing(self):
        agent = self.with_version_1()
        offer = self.offer(b"x" * 1000, 2, product="valve")
        self.assert_refused(agent, offer, "wrong_product", "product")
        offer = self.offer(b"x" * 1000, 3) | {"size": 17 * MIB}
        self.assert_refused(agent, offer, "too_large", "fit")

    def test_an_older_one_is_noted_only(self):
        agent = self.add_agent()
        self.start(agent)
        content = self.image().read_bytes()
        self.desire(agent, self.offer(content, 5))
        self.wait_acknowledged(agent, agent.wait_outcome(5))
        self.desire(agent, self.offer(b"x" * 1000, 3))
        self.wait_code(agent, "older_ignored")
        agent.stop()
        reported = self.hub.reported(agent.name)
        self.assertEqual((reported["Status"], reported["Version"]), ("applied", 5), reported)
        self.assertEqual(agent.read_image(), content)

    def test_an_expired_token_waits_for_a_new_one(self):
        agent = self.add_agent()
        self.start(agent)
        content = self.image().read_bytes()
        offer = self.offer(content, 2)
        path = offer["url"].removeprefix(self.hub.blob_url(""))
        self.desire(agent, offer | {"sas": self.hub.blob_token(path, life_s=-60)})
        self.wait_code(agent, "sas_expired")
        self.desire(agent, {"sas": self.hub.blob_token(path), "attempt": 1})
        self.assert_applied(agent, 2, content)

    def test_other_bytes_under_the_same_address(self):
        agent = self.with_version_1()
        offer = self.offer(b"x" * 300 * KIB, 2)
        path = offer["url"].removeprefix(self.hub.blob_url(""))
        self.hub.delete_blob(path)
        self.hub.put_blob(path, b"y" * 300 * KIB)
        self.desire(agent, offer)
        outcome = agent.wait_outcome(2)
        self.assertEqual((outcome["status"], outcome["code"]), ("error", "hash_mismatch"))
        self.wait_acknowledged(agent, outcome)
        self.assertEqual(self.hub.reported(agent.name)["Version"], 1)


if __name__ == "__main__":
    unittest.main()
