"""Every way in which a device proves who it is, and what it says when it cannot.

Usage: python3 -m tests.e2e.agent_login_test BUILD_FOLDER
"""

import unittest

from tests.e2e.agent_case import BUILD, PRODUCT, AgentCase  # noqa: F401 (BUILD takes the argument)
from tests.rig.certificates import Certificates


class Login(AgentCase):
    @classmethod
    def prepare(cls):
        cls.certificates = Certificates(cls.path)
        cls.HUB_ARGUMENTS = ("--device-ca", str(cls.certificates.authority[0]))

    def tags(self):
        return {"productType": PRODUCT, "deviceGroup": self.name}

    def assert_gets_its_release(self, agent):
        """Proves that it is one of the group: by MQTT to the twin and by HTTPS to the blob."""
        self.start(agent)
        image = self.image()
        self.deploy(image, 1)
        self.assert_applied(agent, 1, image)

    def with_certificate(self, certificate, key):
        return self.site.add_agent(
            self.name,
            product=PRODUCT,
            sections={
                "dps": self.site.dps_settings(),
                "tls": {"cert": str(certificate), "key": str(key)},
            },
        )

    def test_group_key(self):
        self.assert_gets_its_release(self.add_agent())

    def test_the_operators_profile(self):
        """On the operator's desk: no section of the configuration says where the hub is."""
        agent = self.site.add_agent(
            self.name, product=PRODUCT, arguments=("--profile", self.site.profile)
        )
        del agent.settings["tls"]
        agent.configure(agent.settings)
        self.start(agent)
        self.site.operate("device", "tag", self.name, "--group", self.name, "--product", PRODUCT)
        image = self.image()
        self.deploy(image, 1)
        self.assert_applied(agent, 1, image)

    def test_individual_key(self):
        key = self.path / "individual.key"
        self.site.operate(
            *("enrollment", "create", "individual", self.name, "--product", PRODUCT),
            *("--group", self.name, "--key-file", key),
        )
        settings = self.site.dps_settings(key_file=str(key))
        self.assert_gets_its_release(
            self.site.add_agent(self.name, product=PRODUCT, sections={"dps": settings})
        )

    def test_individual_certificate(self):
        certificate, key = self.certificates.of(self.name)
        given = {"primary": {"certificate": certificate.read_text()}}
        attestation = {"type": "x509", "x509": {"clientCertificates": given}}
        self.hub.put_enrollment(self.name, attestation, self.tags())
        self.assert_gets_its_release(self.with_certificate(certificate, key))

    def test_certificate_of_an_authority(self):
        authority = self.certificates.authority
        given = {"primary": {"certificate": authority[0].read_text()}}
        attestation = {"type": "x509", "x509": {"signingCertificates": given}}
        self.hub.put_enrollment_group(self.name, attestation, self.tags())
        certificate, key = self.certificates.of(self.name, authority)
        self.assert_gets_its_release(self.with_certificate(certificate, key))

    def create_device(self):
        file = self.path / f"{self.name}.connection"
        self.site.operate(
            *("device", "create", self.name, "--product", PRODUCT),
            *("--group", self.name, "--key-file", file),
        )
        return file

    def test_connection_string_in_a_file(self):
        settings = {"connection_string_file": str(self.create_device())}
        self.assert_gets_its_release(
            self.site.add_agent(self.name, product=PRODUCT, sections={"hub": settings})
        )

    def test_connection_string_in_the_environment(self):
        text = self.create_device().read_text().strip()
        self.assert_gets_its_release(
            self.site.add_agent(
                self.name,
                product=PRODUCT,
                environment={"MCU_OTA_DEVICE_CONNECTION_STRING": text},
            )
        )

    def test_a_restart_registers_no_second_time(self):
        agent = self.add_agent()
        self.start(agent)
        first = self.hub.registration(self.name)
        self.assertEqual(agent.stop(), 0)
        self.start(agent)
        self.assertEqual(self.hub.registration(self.name), first)
        self.assertEqual(self.log_of(agent).count("dps: registering"), 1)

    def test_a_deleted_device_registers_again(self):
        agent = self.add_agent()
        self.start(agent)
        self.site.operate("device", "delete", self.name, "--yes")
        self.wait_connected(agent)
        image = self.image()
        self.deploy(image, 1)
        self.assert_applied(agent, 1, image)

    def refused(self, agent):
        """The reason of the event and what the log tells a person."""
        agent.start()
        self.addCleanup(agent.stop)
        event = agent.wait_for(lambda event: event["event"] == "disconnected", 30)
        agent.stop()
        return event["reason"], self.log_of(agent)

    def test_a_wrong_id_scope_is_named(self):
        agent = self.add_agent()
        agent.settings["dps"]["id_scope"] = "0ne00000000"
        agent.configure(agent.settings)
        _, log = self.refused(agent)
        self.assertRegex(log, r"dps\.id_scope.*0ne00000000")
        self.assertRegex(log, "key")

    def test_a_wrong_key_is_named(self):
        agent = self.add_agent()
        self.site.create_group("other", PRODUCT, "other")
        agent.settings["dps"]["group_key_file"] = str(self.path / "other.key")
        agent.settings["identity"]["device_id"] = "not-" + self.name
        agent.configure(agent.settings)
        self.hub.put_enrollment(
            "not-" + self.name, {"type": "symmetricKey", "symmetricKey": {}}, self.tags()
        )
        _, log = self.refused(agent)
        self.assertRegex(log, "key")
        self.assertRegex(log, r"dps\.id_scope")

    def test_no_log_holds_a_secret(self):
        agent = self.add_agent(sections={"log": {"level": "trace"}})
        self.start(agent)
        image = self.image()
        self.deploy(image, 1)
        agent.wait_outcome(1)
        desired = self.hub.twin(self.name)["properties"]["desired"]["extFwInfo"]
        agent.stop()
        secrets = [*self.hub.secrets, (self.path / f"{self.name}.key").read_text().strip()]
        secrets.append(desired["sas"])
        secrets.append(desired["sas"].split("sig=")[1].split("&")[0])
        texts = [self.log_of(agent), str(agent.events), (self.path / "hub.log").read_text()]
        texts.append((agent.folder / "state.json").read_text())
        for text in texts:
            for secret in secrets:
                self.assertNotIn(secret, text)


if __name__ == "__main__":
    unittest.main()
