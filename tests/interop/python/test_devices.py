"""Devices over MQTT with Microsoft's azure-iot-device."""

import asyncio
import hashlib
import os
import queue
import ssl
import threading
import unittest

from azure.iot.device import IoTHubDeviceClient, Message, X509, aio, exceptions
from azure.iot.hub.models import Twin, TwinProperties
from hub import (CA, HOST, Device, close, device_authority, fresh, make_certificate, registry,
                 token_for)

# The SDK's own retries would hide what the hub answered.
ONCE = {"connection_retry": False, "auto_connect": False}


def change_desired(device_id, desired, tags=None):
    twin = Twin(tags=tags, properties=TwinProperties(desired=desired) if desired else None)
    return registry.update_twin(device_id, twin, "*")


class Case(unittest.TestCase):
    def connected(self, device, **options):
        client = device.client(**{**ONCE, **options})
        self.addCleanup(close, client)
        client.connect()
        return client

    def assert_refused(self, client):
        self.addCleanup(close, client)
        with self.assertRaises(exceptions.CredentialError):
            client.connect()

    def lost(self, client):
        """Set as soon as the client has lost its connection."""
        gone = threading.Event()
        client.on_connection_state_change = lambda: client.connected or gone.set()
        return gone


class Telemetry(Case):
    def test_messages_with_properties_and_content_type(self):
        client = self.connected(Device())
        message = Message('{"temperature":21}', message_id="m/1", content_encoding="utf-8",
                          content_type="application/json")
        message.correlation_id = "c 1"
        message.user_id = "ü"
        message.custom_properties["room"] = "kitchen & hall = 2/3"
        client.send_message(message)
        client.send_message(Message(""))
        self.assertTrue(client.connected)

    def test_a_large_message_is_taken(self):
        client = self.connected(Device())
        client.send_message("x" * (255 * 1024))
        self.assertTrue(client.connected)


class Twins(Case):
    def test_a_device_reads_its_twin(self):
        device = Device()
        change_desired(device.id, {"rate": 5}, {"site": "x"})
        twin = self.connected(device).get_twin()
        self.assertEqual(twin["desired"], {"rate": 5, "$version": 2})
        self.assertEqual(twin["reported"], {"$version": 1})
        self.assertNotIn("tags", twin)

    def test_reported_properties_merge_and_null_deletes(self):
        device = Device()
        client = self.connected(device)
        client.patch_twin_reported_properties({"fw": {"v": "1", "n": 1, "list": [1, 2]}, "gone": 1})
        client.patch_twin_reported_properties({"fw": {"n": None}, "gone": None})
        self.assertEqual(client.get_twin()["reported"],
                         {"fw": {"v": "1", "list": [1, 2]}, "$version": 3})
        reported = registry.get_twin(device.id).properties.reported
        self.assertEqual(reported["fw"], {"v": "1", "list": [1, 2]})

    def test_a_bad_reported_patch_is_refused_and_the_connection_stays(self):
        client = self.connected(Device())
        with self.assertRaises(exceptions.ClientError):
            client.patch_twin_reported_properties({"a": [1, None]})
        client.patch_twin_reported_properties({"a": 1})
        self.assertEqual(client.get_twin()["reported"]["$version"], 2)

    def test_desired_patches_arrive_with_their_version(self):
        device = Device()
        client = self.connected(device)
        patches = queue.Queue()
        client.on_twin_desired_properties_patch_received = patches.put
        client.get_twin()
        change_desired(device.id, {"fw": {"v": "1", "n": 1}})
        change_desired(device.id, {"fw": {"n": None}})
        self.assertEqual(patches.get(timeout=30), {"fw": {"v": "1", "n": 1}, "$version": 2})
        self.assertEqual(patches.get(timeout=30), {"fw": {"n": None}, "$version": 3})


class Connections(Case):
    def test_a_renewed_token_makes_a_new_connection(self):
        device = Device()
        resource = f"{HOST}/devices/{device.id}"
        client = IoTHubDeviceClient.create_from_sastoken(
            token_for(resource, device.key, seconds=4000), server_verification_cert=CA)
        self.addCleanup(close, client)
        client.connect()
        client.update_sastoken(token_for(resource, device.key, seconds=8000))
        client.send_message("with the new token")
        self.assertTrue(client.connected)

    def test_pings_keep_a_silent_connection(self):
        device = Device()
        client = self.connected(device, keep_alive=1)
        gone = self.lost(client)
        self.assertFalse(gone.wait(4))
        client.send_message("still here")

    def test_a_second_connection_takes_over(self):
        device = Device()
        first = self.connected(device)
        gone = self.lost(first)
        second = self.connected(device)
        self.assertTrue(gone.wait(30))
        second.send_message("mine")

    def test_a_disabled_device_is_disconnected_and_stays_out(self):
        device = Device()
        gone = self.lost(self.connected(device))
        registry.update_device_with_sas(device.id, "*", device.key, device.key, "disabled")
        self.assertTrue(gone.wait(30))
        self.assert_refused(device.client(**ONCE))
        registry.update_device_with_sas(device.id, "*", device.key, device.key, "enabled")
        self.connected(device)

    def test_a_deleted_device_is_disconnected_and_stays_out(self):
        device = Device()
        gone = self.lost(self.connected(device))
        registry.delete_device(device.id)
        self.assertTrue(gone.wait(30))
        self.assert_refused(device.client(**ONCE))


class AsynchronousClient(unittest.IsolatedAsyncioTestCase):
    async def test_twin_telemetry_and_desired_patches(self):
        device = Device()
        client = aio.IoTHubDeviceClient.create_from_connection_string(
            device.connection_string, server_verification_cert=CA, **ONCE)
        self.addAsyncCleanup(client.shutdown)
        patches = queue.Queue()

        async def received(patch):  # The SDK calls it from a thread of its own.
            patches.put(patch)

        await client.connect()
        client.on_twin_desired_properties_patch_received = received
        await client.send_message(Message("1"))
        self.assertEqual((await client.get_twin())["desired"], {"$version": 1})
        await client.patch_twin_reported_properties({"a": 1})
        change_desired(device.id, {"b": 2})
        self.assertEqual(await asyncio.to_thread(patches.get, timeout=30), {"b": 2, "$version": 2})


class Refusals(Case):
    def with_token(self, token, **options):
        return IoTHubDeviceClient.create_from_sastoken(
            token, server_verification_cert=CA, **{**ONCE, **options})

    def test_a_wrong_key(self):
        device, other = Device(), Device()
        self.assert_refused(
            self.with_token(token_for(f"{HOST}/devices/{device.id}", other.key)))

    def test_a_token_of_another_device(self):
        device, other = Device(), Device()
        token = token_for(f"{HOST}/devices/{other.id}", other.key)
        self.assert_refused(self.with_token(token.replace(other.id, device.id)))

    def test_the_name_of_another_hub(self):
        device = Device()
        client = IoTHubDeviceClient.create_from_connection_string(
            device.connection_string.replace(f"HostName={HOST}", "HostName=other.example") +
            f";GatewayHostName={HOST}", server_verification_cert=CA, **ONCE)
        self.assert_refused(client)

    @unittest.skipUnless("HUB_WRONG_HOST" in os.environ, "needs a network namespace")
    def test_a_host_that_the_certificate_does_not_name(self):
        device = Device()
        client = IoTHubDeviceClient.create_from_connection_string(
            device.connection_string.replace(HOST, os.environ["HUB_WRONG_HOST"]),
            server_verification_cert=CA, **ONCE)
        self.addCleanup(close, client)
        with self.assertRaises(exceptions.ClientError):
            client.connect()


def thumbprint(files, digest=hashlib.sha256):
    with open(files[0], encoding="ascii") as file:
        return digest(ssl.PEM_cert_to_DER_cert(file.read())).hexdigest()


def x509_client(device_id, files):
    return IoTHubDeviceClient.create_from_x509_certificate(
        X509(*files), HOST, device_id, server_verification_cert=CA, **ONCE)


class Certificates(Case):
    def works(self, device_id, files):
        client = x509_client(device_id, files)
        self.addCleanup(close, client)
        client.connect()
        client.send_message("1")
        self.assertIn("desired", client.get_twin())

    def test_self_signed_by_either_thumbprint(self):
        files, other = make_certificate("any name"), make_certificate("any name")
        device_id = fresh("x509")
        registry.create_device_with_x509(
            device_id, thumbprint(other), thumbprint(files, hashlib.sha1), "enabled")
        self.works(device_id, files)
        self.works(device_id, other)
        self.assert_refused(x509_client(device_id, make_certificate("any name")))

    def test_signed_by_the_authority(self):
        device_id = fresh("ca")
        registry.create_device_with_certificate_authority(device_id, "enabled")
        self.works(device_id, make_certificate(device_id, device_authority()))
        self.assert_refused(
            x509_client(device_id, make_certificate(f"{device_id}-other", device_authority())))
        self.assert_refused(x509_client(device_id, make_certificate(device_id)))

    def test_signed_by_an_intermediate(self):
        device_id = fresh("ca")
        registry.create_device_with_certificate_authority(device_id, "enabled")
        factory = make_certificate(fresh("factory"), device_authority(), authority=True)
        leaf = make_certificate(device_id, factory)
        with open(leaf[0], "a", encoding="ascii") as chain, open(factory[0],
                                                                 encoding="ascii") as link:
            chain.write(link.read())
        self.works(device_id, leaf)


if __name__ == "__main__":
    unittest.main()
