"""Devices with certificates: proof of possession, and the enrollment group of the authority."""

import re
import tomllib

from tests.provisioning import rig
from tests.provisioning.resources import DPS, Access
from tests.rig.certificates import Certificates

# The tool of the Azure Sphere SDK cannot be had; this one has the two verbs that are used, as its
# documentation gives them, and signs what the tenant's service would sign.
SPHERE = """#!/bin/bash
set -e
test "$1" = ca-certificate && test "$3" = --destination
case $2 in
  download) openssl x509 -in {certificate} -outform der -out "$4" ;;
  download-proof)
    test "$5" = --verification-code
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null \\
      -days 1 -subj "/CN=$6" -CA {certificate} -CAkey {key} -outform der -out "$4"
    ;;
  *) exit 1 ;;
esac
"""


class Trust(rig.ProvisioningCase):
    def setUp(self):
        super().setUp()
        # The double is the provisioning service as well: it knows which authority is verified.
        self._reset_double(Access(dps_service_host=self.double.host))
        self.authority = Certificates(self.folder, "plant")
        self.certificate, self.key = self.authority.authority

    def setup_x509(self, *arguments, code=0):
        return self.setup("--trust", "x509", "--ca-cert", self.certificate, *arguments, code=code)

    def kept(self):
        """The one authority of the service: (name, what is known of it)."""
        service = next(r for r in self.group().resources.values() if r.kind == DPS)
        (name, certificate), = service.certificates.items()
        return name, certificate

    def assert_trusted(self):
        name, certificate = self.kept()
        self.assertTrue(certificate["verified"])
        self.assertRegex(name, r"^ca-[0-9a-f]{16}$")
        (group, enrollment), = self.double.dps.groups.items()
        self.assertEqual(enrollment["attestation"],
                         {"type": "x509", "x509": {"caReferences": {"primary": name}}})
        profile = tomllib.loads(self.profile.read_text())
        self.assertEqual(profile["enrollment_group_id"], group)
        self.assertNotIn("enrollment_group_key", profile)
        self.assertEqual([path.name for path in self.profile.parent.iterdir()], ["profile.toml"])
        commands = self.assert_no_secret_shown()
        self.assertNotIn("BEGIN", commands + self.output)

    def assert_second_run_changes_nothing(self, *arguments):
        self.double.requests.clear()
        self.setup("--trust", *arguments)
        self.assertEqual(self.double.changes(), [])

    def test_the_key_of_the_authority_proves_it(self):
        self.setup_x509("--ca-key", self.key, "--product", "pump")
        self.assert_trusted()
        self.assertEqual(self.double.dps.groups[f"mcu-ota-{self.kept()[0]}"]["initialTwin"]["tags"],
                         {"productType": "pump"})
        self.assert_second_run_changes_nothing("x509", "--ca-cert", self.certificate)

    def test_a_proof_that_was_signed_elsewhere(self):
        said = self.setup_x509(code=5)
        code = re.search(r"subject CN=([0-9A-F]+)\n", said)[1]
        self.assertIn("run again with --proof FILE", said)
        self.assertFalse(self.kept()[1]["verified"])
        other = Certificates(self.folder, "other").of(code)[0]
        self.assertIn("is not signed by the authority", self.setup_x509("--proof", other, code=1))
        proof = self.authority.of(code, self.authority.authority)[0]
        self.setup_x509("--proof", proof)
        self.assert_trusted()

    def test_the_key_of_another_authority_is_refused(self):
        other = Certificates(self.folder, "other").authority[1]
        self.assertIn("is not the key of", self.setup_x509("--ca-key", other, code=2))
        self.assertFalse(self.kept()[1]["verified"])
        self.assertEqual(self.double.dps.groups, {})

    def test_the_tenant_of_azure_sphere(self):
        tool = self.folder / "sphere"
        tool.write_text(SPHERE.format(certificate=self.certificate, key=self.key))
        tool.chmod(0o755)
        self.wrap("azsphere", tool)
        self.setup("--trust", "azsphere")
        self.assert_trusted()
        self.assert_second_run_changes_nothing("azsphere")
        # A tenant that is logged out.
        tool.write_text("#!/bin/sh\nexit 1\n")
        self.assertIn("run 'azsphere login'", self.setup("--trust", "azsphere", code=1))


if __name__ == "__main__":
    rig.main()
