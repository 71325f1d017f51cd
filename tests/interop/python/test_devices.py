"""Devices over MQTT with Microsoft's azure-iot-device."""

import unittest

from azure.iot.device import Message
from hub import Device


class Devices(unittest.TestCase):
    def test_a_device_connects_with_its_key_and_sends_telemetry(self):
        client = Device().client()
        client.connect()
        self.assertTrue(client.connected)
        client.send_message(Message('{"temperature":21}'))
        client.shutdown()


if __name__ == "__main__":
    unittest.main()
