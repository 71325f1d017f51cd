"""Cloud-to-device messages: sent with plain HTTPS, received by Microsoft's azure-iot-device."""

import queue
import time
import unittest

from hub import Device, registry, rest

VERSION = "api-version=2021-04-12"
PATIENCE = 60  # seconds, then the test has failed


def send(device, body, **fields):
    headers = {f"iothub-{name.replace('_', '-')}": value for name, value in fields.items()}
    target = f"/devices/{device.id}/messages/devicebound?{VERSION}"
    answer = rest("POST", target, body=body, headers=headers)
    assert answer.status_code == 204, answer.text


def listen(device):
    """A connected client, and the queue of the messages that it receives."""
    client, received = device.client(), queue.Queue()
    client.on_message_received = received.put
    client.connect()
    return client, received


def waiting(device):
    return registry.get_twin(device.id).cloud_to_device_message_count


def wait_until_empty(device):
    deadline = time.monotonic() + PATIENCE
    while waiting(device) > 0:
        assert time.monotonic() < deadline, "the queue is not empty"


class Messages(unittest.TestCase):
    def test_a_connected_device_receives_a_message_with_its_properties(self):
        device = Device()
        client, received = listen(device)
        fields = {"messageid": "m/1", "contenttype": "application/json", "app_color": "a&b"}
        send(device, {"led": True}, **fields)
        message = received.get(timeout=PATIENCE)
        self.assertEqual(message.data, b'{"led": true}')
        self.assertEqual(message.message_id, "m/1")
        self.assertEqual(message.content_type, "application/json")
        self.assertEqual(message.custom_properties["color"], "a&b")
        wait_until_empty(device)
        client.shutdown()

    def test_a_device_that_was_away_receives_its_messages_in_order(self):
        device = Device()
        for number in range(3):
            send(device, number)
        self.assertEqual(waiting(device), 3)
        client, received = listen(device)
        bodies = [received.get(timeout=PATIENCE).data for _ in range(3)]
        self.assertEqual(bodies, [b"0", b"1", b"2"])
        wait_until_empty(device)
        client.shutdown()

    def test_a_message_waits_while_a_known_device_is_away(self):
        device = Device()
        client, received = listen(device)
        client.disconnect()
        send(device, "later")
        client.connect()
        self.assertEqual(received.get(timeout=PATIENCE).data, b'"later"')
        client.shutdown()


if __name__ == "__main__":
    unittest.main()
