"""Many devices at once: identities in bulk, and what they report over connections of their own."""

import base64
import concurrent.futures

from .mqtt_device import MqttDevice

AT_ONCE = 8


def key_of(device):
    return base64.b64encode(device.encode().ljust(32, b"k")[:32]).decode()


def create(service, devices, product, group):
    """Identities with their tags."""
    service.create_devices(
        [
            {
                "id": device,
                "importMode": "create",
                "status": "enabled",
                "authentication": {
                    "symmetricKey": {"primaryKey": key_of(device), "secondaryKey": key_of(device)}
                },
                "tags": {"productType": product, "deviceGroup": group},
            }
            for device in devices
        ]
    )


def connect(service, address, device):
    """The device's connection; address is (host, port)."""
    return MqttDevice(*address, service.tls, device, key_of(device))


def report(service, address, reports):
    """Each device of {device: value of extFwInfo} connects, reports and leaves."""

    def one(item):
        device, value = item
        connection = connect(service, address, device)
        try:
            status = connection.report({"extFwInfo": value})
        finally:
            connection.close()
        if status != 204:
            raise AssertionError(f"{device}: the report was answered with {status}")

    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        for _ in pool.map(one, reports.items()):
            pass
