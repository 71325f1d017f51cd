"""Direct methods: Microsoft's azure-iot-hub calls, azure-iot-device answers."""

import json
import unittest

from azure.iot.device import MethodResponse
from azure.iot.hub.models import CloudToDeviceMethod
from hub import Device, registry
from msrest.exceptions import HttpOperationError


def listen(device):
    """A client that answers every method with 207 and what it was given."""
    client = device.client()

    def answer(request):
        payload = {"name": request.name, "was": request.payload}
        client.send_method_response(
            MethodResponse.create_from_method_request(request, 207, payload)
        )

    client.on_method_request_received = answer
    client.connect()
    return client


def call(device, name, payload, **options):
    method = CloudToDeviceMethod(method_name=name, payload=payload, **options)
    return registry.invoke_device_method(device.id, method)


class Methods(unittest.TestCase):
    def test_a_method_reaches_the_device_and_its_answer_the_caller(self):
        device = Device()
        client = listen(device)
        for payload in ({"deep": [1, {"x": None}]}, [1, 2], "text", 3.5, True):
            result = call(device, "echo", payload, connect_timeout_in_seconds=30)
            self.assertEqual(result.status, 207)
            self.assertEqual(result.payload, {"name": "echo", "was": payload})
        client.shutdown()

    def test_a_device_that_is_not_there_is_not_online(self):
        with self.assertRaises(HttpOperationError) as caught:
            call(Device(), "echo", None)
        self.assertEqual(caught.exception.response.status_code, 404)
        self.assertEqual(caught.exception.response.headers["iothub-errorcode"], "DeviceNotOnline")
        message = json.loads(caught.exception.response.json()["Message"])
        self.assertEqual(message["errorCode"], 404103)

    def test_a_device_that_does_not_answer_costs_the_caller_its_time_out(self):
        device = Device()
        client = device.client()
        client.on_method_request_received = lambda request: None
        client.connect()
        with self.assertRaises(HttpOperationError) as caught:
            call(
                device, "lazy", 1, response_timeout_in_seconds=5, connect_timeout_in_seconds=30
            )
        self.assertEqual(caught.exception.response.status_code, 504)
        client.shutdown()


if __name__ == "__main__":
    unittest.main()
