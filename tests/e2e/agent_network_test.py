"""Tokens that run out, a hub that goes away, agents and programmers that are killed.

Usage: python3 -m tests.e2e.agent_network_test BUILD_FOLDER
"""

import time
import unittest

from tests.e2e.agent_case import SLOW, AgentCase

STOP_S_MAX = 2.0


class Network(AgentCase):
    def assert_fetched_once(self, outcome, image):
        """Not a byte was fetched twice."""
        self.assertEqual(outcome["fetched"], image.stat().st_size)

    def test_renewing_the_token_disturbs_no_download(self):
        agent = self.add_agent(max_rate="128k", sections={"hub": {"sas_lifetime_s": 10}})
        self.start(agent)
        image = self.image(1536)
        self.deploy(image, 1)
        outcome = self.assert_applied(agent, 1, image)
        self.assert_fetched_once(outcome, image)
        self.assertEqual(self.count(agent, "request"), 1)
        self.assertGreaterEqual(self.count(agent, "connected"), 2)
        self.assertEqual(self.count(agent, "disconnected"), 0)

    def test_the_hub_restarts_during_a_download(self):
        agent = self.add_agent(max_rate=SLOW)
        self.start(agent)
        image = self.image(768)
        self.deploy(image, 1)
        self.wait_progress(agent, 30)
        self.assertEqual(self.site.stop_hub(), 0)
        agent.wait_for(lambda event: event["event"] == "disconnected")
        self.site.start_hub_again()
        self.assert_applied(agent, 1, image)

    def test_the_hub_restarts_while_the_agent_rests(self):
        agent = self.add_agent()
        self.start(agent)
        self.site.stop_hub()
        agent.wait_for(lambda event: event["event"] == "disconnected")
        self.site.start_hub_again()
        self.wait_connected(agent)
        image = self.image()
        self.deploy(image, 1)
        self.assert_applied(agent, 1, image)

    def test_a_killed_hub_forgets_nothing(self):
        agent = self.add_agent(max_rate=SLOW)
        self.start(agent)
        image = self.image(768)
        deployed = self.deploy(image, 1)
        self.wait_progress(agent, 30)
        before = self.hub.twin(agent.name)
        self.site.kill_hub()
        self.site.start_hub_again()
        after = self.hub.twin(agent.name)
        self.assertEqual(after["tags"], before["tags"])
        self.assertEqual(
            after["properties"]["desired"]["extFwInfo"],
            before["properties"]["desired"]["extFwInfo"],
        )
        self.assertIn(deployed["configuration"], [c["id"] for c in self.hub.configurations()])
        self.assert_applied(agent, 1, image)

    def finish_without_hub(self, agent):
        """Brings the agent to an outcome that it cannot deliver."""
        agent.settings["mcu"] |= self.slow_mcu()
        agent.configure(agent.settings)
        self.start(agent)
        image = self.image()
        self.deploy(image, 1)
        agent.wait_for(lambda e: e["event"] == "phase" and e["phase"] == "programming")
        self.site.stop_hub()
        outcome = agent.wait_outcome(1)
        self.assertEqual(outcome["status"], "applied")
        return image

    def slow_mcu(self):
        program = f"'{self.site.binaries}/mcu-ota-virtual-mcu'"
        state = f"--state '{self.path}/{self.name}-mcu' --any-image"
        return {
            "programmer": "command",
            "program": f"{program} program --rate 32000 {state}",
            "version_command": f"{program} version {state}",
            "confirm_timeout_s": 2,
            "confirm_interval_s": 1,
        }

    def test_an_outcome_waits_for_the_hub(self):
        agent = self.add_agent()
        self.finish_without_hub(agent)
        self.site.start_hub_again()
        agent.wait_for(lambda event: event["event"] == "acknowledged")
        self.assertEqual(self.hub.reported(agent.name)["Status"], "applied")

    def test_an_outcome_survives_a_restart_without_hub(self):
        agent = self.add_agent()
        image = self.finish_without_hub(agent)
        agent.kill()
        agent.start()
        agent.wait_for(lambda event: event["event"] == "disconnected")
        self.site.start_hub_again()
        agent.wait_for(lambda event: event["event"] == "acknowledged")
        reported = self.hub.reported(agent.name)
        self.assertEqual((reported["Status"], reported["Version"]), ("applied", 1))
        self.assertEqual(agent.stop(), 0)
        self.assertEqual(agent.read_image(), image.read_bytes())

    def test_sigterm_ends_a_download_at_once_and_it_resumes(self):
        agent = self.add_agent(max_rate=SLOW)
        self.start(agent)
        image = self.image(512)
        self.deploy(image, 1)
        self.wait_progress(agent, 50)
        begin = time.monotonic()
        self.assertEqual(agent.stop(), 0)
        self.assertLess(time.monotonic() - begin, STOP_S_MAX)
        agent.start()
        request = agent.wait_for(lambda event: event["event"] == "request")
        self.assertGreater(request["firstByte"], 0)
        outcome = self.assert_applied(agent, 1, image)
        self.assert_fetched_once(outcome, image)

    def test_killed_while_programming_it_programs_again(self):
        agent = self.add_agent()
        agent.settings["mcu"] |= self.slow_mcu()
        agent.configure(agent.settings)
        self.start(agent)
        image = self.image()
        self.deploy(image, 1)
        agent.wait_for(lambda e: e["event"] == "phase" and e["phase"] == "programming")
        agent.kill()
        agent.start()
        self.assert_applied(agent, 1, image)
        self.assertEqual(self.count(agent, "request"), 1)

    def test_a_bad_release_goes_back_to_the_imported_image(self):
        agent = self.add_agent(
            mcu=self.slow_mcu() | {"program": self.slow_mcu()["program"].replace("32000", "0")}
        )
        factory = self.image()
        code, out, err = agent.command("import", factory, 3, "--yes")
        self.assertEqual(code, 0, err)
        self.assertRegex(out + err, "3")
        self.start(agent)
        erased = self.image()
        erased.write_bytes(b"\xff" * 64 + erased.read_bytes()[64:])
        self.deploy(erased, 4)
        outcome = agent.wait_outcome(4)
        self.assertEqual((outcome["code"], outcome["version"]), ("rolled_back", 3), outcome)
        self.wait_acknowledged(agent, outcome)
        agent.stop()
        self.assertEqual(agent.read_image(), factory.read_bytes())


if __name__ == "__main__":
    unittest.main()
