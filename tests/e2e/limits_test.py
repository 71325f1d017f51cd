"""Operator and agent against a hub that throttles like the smallest edition of IoT Hub."""

import unittest
import urllib.error

from tests.e2e.agent_case import AgentCase

QUERY = "SELECT deviceId FROM devices"


class Limits(AgentCase):
    HUB_ARGUMENTS = ("--limits", "f1")

    def spend_all_queries(self):
        """Returns the answer that refused one more."""
        for _ in range(100):
            try:
                self.hub.query(QUERY)
            except urllib.error.HTTPError as refused:
                return refused
        return self.fail("a hundred queries were let through")

    def test_the_operator_waits_and_succeeds(self):
        create = ("device", "create", "pump-1", "--product", "pump", "--group", "lab")
        self.site.operate(*create, "--key-file", self.path / "pump-1.key")
        with self.spend_all_queries() as refused:
            self.assertEqual(refused.code, 429)
            self.assertEqual(refused.headers["iothub-errorcode"], "ThrottlingException")
            self.assertGreater(int(refused.headers["Retry-After"]), 0)
        listed = self.site.operate_json("device", "list")
        self.assertIn("pump-1", [device["device"] for device in listed["devices"]])

    def test_an_agent_comes_online(self):
        self.start(self.add_agent())


if __name__ == "__main__":
    unittest.main()
