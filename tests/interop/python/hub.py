"""What the interop tests in Python share: the hub that run.py started, devices, plain requests."""

import base64
import hashlib
import hmac
import itertools
import logging
import os
import pathlib
import subprocess
import time
import urllib.parse

import requests
from azure.iot.device import IoTHubDeviceClient, exceptions
from azure.iot.hub import IoTHubRegistryManager

HOST = os.environ["HUB_HOST"]
CA = pathlib.Path(os.environ["HUB_CA"]).read_text(encoding="ascii")
SERVICE = os.environ["IOTHUB_CONNECTION_STRING"]
DPS_SERVICE = os.environ["DPS_CONNECTION_STRING"]
registry = IoTHubRegistryManager.from_connection_string(SERVICE)
_numbers = itertools.count(1)
# The SDK's background threads report each refused login, which the tests ask for.
logging.disable(logging.CRITICAL)


def fresh(name):
    """A name that no other test of this hub uses."""
    return f"{name}-{os.getpid()}-{next(_numbers)}"


def parts_of(connection_string):
    return dict(pair.split("=", 1) for pair in connection_string.split(";"))


def token_for(resource, key, policy=None, seconds=3600):
    """A SAS token; the resource is used as it is given."""
    uri = urllib.parse.quote(resource, safe="")
    expiry = int(time.time()) + seconds
    mac = hmac.new(base64.b64decode(key), f"{uri}\n{expiry}".encode(), hashlib.sha256).digest()
    signature = urllib.parse.quote(base64.b64encode(mac), safe="")
    token = f"SharedAccessSignature sr={uri}&sig={signature}&se={expiry}"
    return f"{token}&skn={policy}" if policy else token


def service_token(connection_string=SERVICE):
    parts = parts_of(connection_string)
    return token_for(
        parts["HostName"], parts["SharedAccessKey"], parts["SharedAccessKeyName"]
    )


def rest(method, target, body=None, headers=None, authorization=None):
    """One HTTPS request to the hub, with the service's token unless another is given."""
    return requests.request(
        method,
        f"https://{HOST}{target}",
        json=body,
        headers={"Authorization": authorization or service_token(), **(headers or {})},
        timeout=60,
    )


class Device:
    """A device of the registry with keys of its own."""

    def __init__(self, name="device", status="enabled"):
        self.id = fresh(name)
        made = registry.create_device_with_sas(self.id, None, None, status)
        self.key = made.authentication.symmetric_key.primary_key
        self.connection_string = f"HostName={HOST};DeviceId={self.id};SharedAccessKey={self.key}"

    def client(self, **options):
        return IoTHubDeviceClient.create_from_connection_string(
            self.connection_string, server_verification_cert=CA, **options
        )


def close(client):
    """Also a client whose connection ends at the same moment, which the SDK reports as an error."""
    try:
        client.shutdown()
    except exceptions.NoConnectionError:
        pass


def make_certificate(common_name, issuer=None, authority=False):
    """(certificate file, key file): signed by an issuer of this form, or by itself."""
    base = pathlib.Path(os.environ["INTEROP_FOLDER"]) / fresh("cert")
    files = (f"{base}.pem", f"{base}.key.pem")
    signed = ["-CA", issuer[0], "-CAkey", issuer[1]] if issuer else []
    kind = "TRUE" if authority else "FALSE"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        + ["-nodes", "-days", "2", "-subj", f"/CN={common_name}", "-out", files[0]]
        + ["-keyout", files[1], "-addext", f"basicConstraints=critical,CA:{kind}", *signed],
        check=True,
        capture_output=True,
    )
    return files


def device_authority():
    """The authority that the hub trusts for devices."""
    return os.environ["DEVICE_CA"], os.environ["DEVICE_CA_KEY"]
