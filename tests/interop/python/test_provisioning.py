"""DPS with the ProvisioningDeviceClient of azure-iot-device; enrollments are made over REST."""

import base64
import hashlib
import hmac
import os
import unittest

from azure.iot.device import IoTHubDeviceClient, ProvisioningDeviceClient, X509, exceptions
from azure.iot.hub.models import Twin
from hub import (CA, DPS_SERVICE, Device, close, fresh, make_certificate, registry, rest,
                 service_token)

DPS_HOST = os.environ["DPS_HOST"]
ID_SCOPE = os.environ["ID_SCOPE"]
GROUP_KEY = os.environ["GROUP_KEY"]


def put(path, body):
    answer = rest("PUT", f"{path}?api-version=2021-10-01", body,
                  authorization=service_token(DPS_SERVICE))
    assert answer.status_code == 200, answer.text
    return answer.json()


def random_key():
    return base64.b64encode(os.urandom(32)).decode()


def derived(group_key, registration_id):
    mac = hmac.new(base64.b64decode(group_key), registration_id.encode(), hashlib.sha256)
    return base64.b64encode(mac.digest()).decode()


def symmetric(key):
    return {"type": "symmetricKey", "symmetricKey": {"primaryKey": key, "secondaryKey": key}}


def x509(member, files):
    with open(files[0], encoding="ascii") as file:
        return {"type": "x509", "x509": {member: {"primary": {"certificate": file.read()}}}}


def key_client(registration_id, key, id_scope=ID_SCOPE):
    return ProvisioningDeviceClient.create_from_symmetric_key(
        DPS_HOST, registration_id, id_scope, key, server_verification_cert=CA)


def certificate_client(registration_id, files):
    return ProvisioningDeviceClient.create_from_x509_certificate(
        DPS_HOST, registration_id, ID_SCOPE, X509(*files), server_verification_cert=CA)


class Case(unittest.TestCase):
    def assert_refused(self, client):
        with self.assertRaises(exceptions.ClientError):
            client.register()

    def works(self, client):
        self.addCleanup(close, client)
        client.connect()
        client.send_message("1")


class SymmetricKeys(Case):
    def test_a_member_of_a_group(self):
        group, key = fresh("group"), random_key()
        put(f"/enrollmentGroups/{group}", {
            "attestation": symmetric(key),
            "initialTwin": {"tags": {"site": "x"}, "properties": {"desired": {"rate": 5}}}})
        device_id = fresh("member")
        result = key_client(device_id, derived(key, device_id)).register()
        self.assertEqual(result.status, "assigned")
        self.assertEqual(result.registration_state.device_id, device_id)
        self.assertEqual(result.registration_state.sub_status, "initialAssignment")
        self.works(IoTHubDeviceClient.create_from_symmetric_key(
            derived(key, device_id), result.registration_state.assigned_hub, device_id,
            server_verification_cert=CA))
        twin = registry.get_twin(device_id)
        self.assertEqual(twin.tags, {"site": "x"})
        self.assertEqual(twin.properties.desired["rate"], 5)

    def test_an_individual_enrollment_with_a_payload_and_again(self):
        registration_id, key = fresh("individual"), random_key()
        put(f"/enrollments/{registration_id}",
            {"attestation": symmetric(key), "deviceId": f"{registration_id}-device"})
        client = key_client(registration_id, key)
        client.provisioning_payload = {"modelId": "dtmi:example:thing;1", "tags": {"ring": "all"}}
        result = client.register()
        device_id = result.registration_state.device_id
        self.assertEqual(device_id, f"{registration_id}-device")
        self.assertIn(registry.get_twin(device_id).tags, ({}, None))
        registry.update_twin(device_id, Twin(tags={"kept": 1}), "*")
        self.assertEqual(key_client(registration_id, key).register().status, "assigned")
        self.assertEqual(registry.get_twin(device_id).tags, {"kept": 1})

    def test_a_disabled_enrollment(self):
        registration_id, key = fresh("disabled"), random_key()
        put(f"/enrollments/{registration_id}",
            {"attestation": symmetric(key), "provisioningStatus": "disabled"})
        try:
            self.assertEqual(key_client(registration_id, key).register().status, "disabled")
        except exceptions.ClientError:
            pass  # Versions of the SDK differ in what they make of this answer.
        self.assertNotIn(registration_id, [device.device_id for device in registry.get_devices()])

    def test_refusals(self):
        device_id = fresh("stranger")
        self.assert_refused(key_client(device_id, random_key()))
        self.assert_refused(key_client(device_id, derived(GROUP_KEY, f"{device_id}-other")))
        self.assert_refused(
            key_client(device_id, derived(GROUP_KEY, device_id), id_scope="0ne00000000"))
        device = Device()  # Its hub key is no key of DPS.
        self.assert_refused(key_client(device.id, device.key))


class Certificates(Case):
    def test_an_individual_enrollment(self):
        registration_id = fresh("x509")
        files = make_certificate(registration_id)
        put(f"/enrollments/{registration_id}",
            {"attestation": x509("clientCertificates", files)})
        result = certificate_client(registration_id, files).register()
        self.works(IoTHubDeviceClient.create_from_x509_certificate(
            X509(*files), result.registration_state.assigned_hub, registration_id,
            server_verification_cert=CA))
        self.assert_refused(certificate_client(registration_id, make_certificate(registration_id)))

    def test_a_group_by_its_root_through_an_intermediate(self):
        root = make_certificate(fresh("root"), authority=True)
        factory = make_certificate(fresh("factory"), root, authority=True)
        put(f"/enrollmentGroups/{fresh('x509-group')}",
            {"attestation": x509("signingCertificates", root)})
        device_id = fresh("x509-member")
        leaf = make_certificate(device_id, factory)
        self.assert_refused(certificate_client(device_id, leaf))
        with open(leaf[0], "a", encoding="ascii") as chain, open(factory[0],
                                                                 encoding="ascii") as link:
            chain.write(link.read())
        result = certificate_client(device_id, leaf).register()
        self.assertEqual(result.status, "assigned")
        self.works(IoTHubDeviceClient.create_from_x509_certificate(
            X509(*leaf), result.registration_state.assigned_hub, device_id,
            server_verification_cert=CA))


if __name__ == "__main__":
    unittest.main()
