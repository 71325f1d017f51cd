"""Devices and DPS over MQTT in WebSockets on port 443, with Microsoft's websockets=True."""

import base64
import hashlib
import hmac
import os
import queue
import ssl
import unittest

from azure.iot.device import (
    IoTHubDeviceClient,
    Message,
    ProvisioningDeviceClient,
    X509,
    exceptions,
)
from azure.iot.hub.models import Twin, TwinProperties
from hub import CA, HOST, Device, fresh, make_certificate, registry

GROUP_KEY = base64.b64decode(os.environ["GROUP_KEY"])


class WebSockets(unittest.TestCase):
    def connect(self, client):
        self.addCleanup(client.shutdown)
        client.connect()
        self.assertTrue(client.connected)
        return client

    def test_telemetry_and_twins_in_both_directions(self):
        device = Device()
        client = self.connect(device.client(websockets=True))
        client.send_message(Message("x" * 200_000))
        self.assertIn("$version", client.get_twin()["desired"])
        client.patch_twin_reported_properties({"text": "y" * 3000})
        patches = queue.SimpleQueue()
        client.on_twin_desired_properties_patch_received = patches.put
        registry.update_twin(
            device.id, Twin(properties=TwinProperties(desired={"text": "z" * 4000})), "*"
        )
        self.assertEqual(len(patches.get(timeout=60)["text"]), 4000)
        reported = registry.get_twin(device.id).properties.reported
        self.assertEqual(len(reported["text"]), 3000)

    def test_a_wrong_key_is_refused(self):
        client = IoTHubDeviceClient.create_from_symmetric_key(
            Device().key, HOST, Device().id, server_verification_cert=CA, websockets=True
        )
        self.addCleanup(client.shutdown)
        with self.assertRaises(exceptions.CredentialError):
            client.connect()

    def test_a_certificate_in_the_tls_handshake_logs_in(self):
        files = make_certificate("any name")
        with open(files[0], encoding="ascii") as file:
            certificate = ssl.PEM_cert_to_DER_cert(file.read())
        thumbprint = hashlib.sha256(certificate).hexdigest()
        device_id = fresh("x509")
        registry.create_device_with_x509(device_id, thumbprint, thumbprint, "enabled")
        client = IoTHubDeviceClient.create_from_x509_certificate(
            X509(*files), HOST, device_id, server_verification_cert=CA, websockets=True
        )
        self.connect(client).send_message("1")

    def test_a_device_registers_with_dps_and_connects(self):
        device_id = fresh("member")
        key = base64.b64encode(
            hmac.new(GROUP_KEY, device_id.encode(), hashlib.sha256).digest()
        ).decode()
        result = ProvisioningDeviceClient.create_from_symmetric_key(
            os.environ["DPS_HOST"], device_id, os.environ["ID_SCOPE"], key,
            server_verification_cert=CA, websockets=True,
        ).register()
        self.assertEqual(result.status, "assigned")
        self.connect(IoTHubDeviceClient.create_from_symmetric_key(
            key, result.registration_state.assigned_hub, device_id,
            server_verification_cert=CA, websockets=True,
        ))


if __name__ == "__main__":
    unittest.main()
