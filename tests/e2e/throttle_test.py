"""A service that throttles is obeyed, and the operator is told why nothing seems to happen."""

import os
import unittest

from operator_rig import FolderCase, Operator
from rig.certificates import Certificates
from rig.https_server import Answer, HttpsServer

THROTTLED = 9


def throttling(retry_after_s):
    return Answer(429, [("Retry-After", str(retry_after_s)),
                        ("iothub-errorcode", "ThrottlingException")])


class Throttled(FolderCase):
    def setUp(self):
        super().setUp()
        self.certificates = Certificates(self.folder)

    def operator_of(self, answer):
        server = HttpsServer(self.certificates, answer)
        self.addCleanup(server.close)
        key = "AAECAwQFBgcICQoLDA0ODw=="
        profile = self.file("profile.toml", (
            f"ca_file = '{self.certificates.authority[0]}'\n"
            f"iothub_connection_string = 'HostName={server.host};SharedAccessKeyName=owner;"
            f"SharedAccessKey={key}'\n"
            f"dps_connection_string = 'HostName={server.host};SharedAccessKeyName=owner;"
            f"SharedAccessKey={key}'\n"
            f"storage_connection_string = 'AccountName=a;AccountKey={key};"
            f"BlobEndpoint=https://{server.host}/a'\n").encode())
        os.chmod(profile, 0o600)
        return Operator(profile), server

    def test_a_wait_of_seconds_is_waited_and_said(self):
        answers = [throttling(4), Answer(200, [], b"[]")]
        operator, server = self.operator_of(lambda _: answers.pop(0))
        code, out, error = operator.call("device", "list")
        self.assertEqual(code, 0, error)
        self.assertIn("DEVICE", out)
        self.assertRegex(error, r"^mcu-ota: the service is busy or throttles; trying again in "
                         r"[45] s\n$")
        self.assertEqual(len(server.requests), 2)

    def test_a_longer_wait_is_the_operators_to_decide(self):
        for verb in (("device", "list"), ("status",), ("enrollment", "list"),
                     ("device", "tag", "d1", "--group", "lab"),
                     ("deploy", self.file("a.bin"), "1", "pump", "lab")):
            operator, server = self.operator_of(lambda _: throttling(95))
            code, document = operator.json(*verb)
            self.assertEqual(code, THROTTLED, document)
            self.assertEqual(document["error"]["code"], "throttled")
            self.assertEqual(document["error"]["retryAfterSeconds"], 95)
            self.assertEqual(len(server.requests), 1)

    def test_a_spent_quota_is_throttling_too(self):
        operator, _ = self.operator_of(
            lambda _: Answer(403, [("iothub-errorcode", "IotHubQuotaExceeded")]))
        self.assertEqual(operator.json("device", "list")[0], THROTTLED)


if __name__ == "__main__":
    unittest.main()
