"""The resources behind the resource-manager double: groups, hubs, provisioning services, storage.

What it models: names that are unique in the world, one free hub in a subscription, keys, the link
of a provisioning service to a hub, certificates with proof of possession and ETags, containers
without public access. What it does not: roles, policies, locks, regions that lack a service,
prices, anything that a resource does once it exists. Keys and host names may be those of a running
local hub (Access), so that what is made here really works.
"""

import base64
import dataclasses
import hashlib
import os
import re
import subprocess
import tempfile

HUB, DPS = "Microsoft.Devices/IotHubs", "Microsoft.Devices/provisioningServices"
STORAGE = "Microsoft.Storage/storageAccounts"
CONTAINER = "Microsoft.Storage/storageAccounts/blobServices/containers"
# The versions that the template names, and those that the Azure CLI of the suite asks with.
VERSIONS = {
    HUB: {"2021-07-02", "2022-04-30-preview"},
    DPS: {"2022-02-05", "2021-10-15"},
    STORAGE: {"2022-09-01"},
    CONTAINER: {"2022-09-01"},
}
HUB_NAME = re.compile(r"(?![0-9]+$)(?!-)[a-zA-Z0-9-]{2,49}[a-zA-Z0-9]")
NAMES = {HUB: HUB_NAME, DPS: HUB_NAME, STORAGE: re.compile(r"[a-z0-9]{3,24}"),
         CONTAINER: re.compile(r"[a-z0-9](?:-?[a-z0-9]){2,62}")}


class Refusal(Exception):
    """An answer that is an error: HTTP status, code and text as the service gives them."""

    def __init__(self, status, code, message, details=()):
        super().__init__(message)
        self.status, self.code, self.message, self.details = status, code, message, list(details)

    def body(self):
        error = {"code": self.code, "message": self.message}
        if self.details:
            error["details"] = self.details
        return {"error": error}


def demand(holds, message, status=400, code="BadRequest"):
    if not holds:
        raise Refusal(status, code, message)


@dataclasses.dataclass
class Access:
    """Where the resources are reached, and with which keys."""

    hub_host: str = "hub.invalid"
    hub_key: str = base64.b64encode(b"hub key that nobody may see").decode()
    dps_service_host: str = "dps.invalid"
    dps_device_host: str = "global.dps.invalid"
    dps_key: str = base64.b64encode(b"dps key that nobody may see").decode()
    id_scope: str = "0ne00000001"
    storage_key: str = base64.b64encode(b"storage key that nobody may see").decode()
    blob_endpoint: str = "https://blob.invalid/"

    def secrets(self):
        return [self.hub_key, self.dps_key, self.storage_key]


@dataclasses.dataclass
class Resource:
    kind: str
    name: str  # of a child "parent/child"
    location: str
    sku: dict
    body: dict  # properties as they were put
    etag: str
    certificates: dict = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Group:
    name: str
    location: str
    tags: dict
    resources: dict = dataclasses.field(default_factory=dict)  # (kind, name in lower case)
    deployments: dict = dataclasses.field(default_factory=dict)
    deleting: bool = False


class Subscription:
    def __init__(self, access):
        self.id = "00000000-aaaa-bbbb-cccc-000000000001"
        self.access = access
        self.groups = {}  # by name in lower case
        self.taken = set()  # (kind, name in lower case) that others in the world have
        self.registered = set()  # namespaces of resource providers
        self.is_visible = True  # to who logs in
        self.closed = set()  # locations where nothing can be made
        self.failures = []  # (kind, Refusal): the next creation of that kind fails with it
        self._count = 0

    # ---- groups ----
    def group(self, name):
        found = self.groups.get(name.lower())
        demand(found, f"Resource group '{name}' could not be found.", 404, "ResourceGroupNotFound")
        return found

    def put_group(self, name, body):
        demand(isinstance(body.get("location"), str), "The location property is required.", 400,
               "LocationRequired")
        old = self.groups.get(name.lower())
        demand(not old or old.location == body["location"],
               f"Invalid resource group location '{body['location']}'. The Resource group already "
               f"exists in location '{old and old.location}'.", 409,
               "InvalidResourceGroupLocation")
        demand(not old or not old.deleting, f"The resource group '{name}' is being deleted.", 409,
               "ResourceGroupBeingDeleted")
        if not old:
            old = self.groups[name.lower()] = Group(name, body["location"], {})
        old.tags = dict(body.get("tags") or {})
        return old

    def group_id(self, group):
        return f"/subscriptions/{self.id}/resourceGroups/{group.name}"

    # ---- resources ----
    def preflight(self, header, group):
        """What is found out before anything is made."""
        kind, name = header["type"], header["name"]
        demand(kind in VERSIONS, f"The resource type '{kind}' is not modelled.", 400,
               "InvalidResourceType")
        demand(header["apiVersion"] in VERSIONS[kind],
               f"No registered resource provider found for API version '{header['apiVersion']}' "
               f"and type '{kind}'.", 400, "NoRegisteredProviderFound")
        namespace = kind.split("/", maxsplit=1)[0]
        demand(namespace in self.registered, "The subscription is not registered to use namespace "
               f"'{namespace}'.", 409, "MissingSubscriptionRegistration")
        location = header.get("location")  # a child has none of its own
        demand(location not in self.closed, f"The provided location '{location}' is not available "
               f"for resource type '{kind}'.", 400, "LocationNotAvailableForResourceType")
        demand(NAMES[kind].fullmatch(name.split("/")[-1]), f"The name '{name}' is not valid.", 400,
               "InvalidResourceName")
        if kind == STORAGE and not self._mine(group, kind, name) and not self.is_free(kind, name):
            raise Refusal(409, "StorageAccountAlreadyTaken",
                          f"The storage account named {name} is already taken.")

    def put(self, group, header, properties):
        """Creates or replaces a resource, whose header and properties are already evaluated."""
        kind, name = header["type"], header["name"]
        for index, (wanted, refusal) in enumerate(self.failures):
            if wanted == kind:
                del self.failures[index]
                raise refusal
        if kind != CONTAINER:
            demand(header.get("location"), "The location property is required.", 400,
                   "LocationRequired")
        if not self._mine(group, kind, name):
            demand(kind == CONTAINER or self.is_free(kind, name),
                   f"The name '{name}' is not available.", 409, "Conflict")
        check = {HUB: self._check_hub, DPS: self._check_dps, STORAGE: self._check_storage,
                 CONTAINER: self._check_container}
        check[kind](group, name, header, properties)
        old = self._mine(group, kind, name)
        demand(not old or kind == CONTAINER or old.location == header["location"],
               f"The resource '{name}' already exists in location '{old and old.location}'.", 409,
               "InvalidResourceLocation")
        resource = Resource(kind, name, header.get("location", group.location),
                            dict(header.get("sku", {})), properties, self._etag())
        if old:
            resource.certificates = old.certificates
        group.resources[kind.lower(), name.lower()] = resource
        return resource

    def _check_hub(self, group, name, header, _properties):
        sku = header.get("sku", {})
        demand(sku.get("name") in ("F1", "S1", "S2", "S3"), "sku.name is not a tier of IoT Hub.")
        demand(sku["name"] != "F1" or sku.get("capacity") == 1, "F1 has exactly one unit.")
        old = self._mine(group, HUB, name)
        demand(not old or (old.sku["name"] == "F1") == (sku["name"] == "F1"),
               "A free hub cannot be changed into a paid one, nor back.")
        free = [r for g in self.groups.values() for r in g.resources.values()
                if r.kind == HUB and r.sku["name"] == "F1" and r is not old]
        if sku["name"] == "F1" and free:
            raise Refusal(400, "400019", "Max number of Iot Hubs exceeded for sku = Free, Max "
                          f"Allowed = 1, Current = 1 in the subscription Id: {self.id}.")

    def _check_dps(self, group, _name, header, properties):
        demand(header.get("sku", {}).get("name") == "S1", "The only sku of the service is S1.")
        for link in properties.get("iotHubs", []):
            demand(link.get("location"), "iotHubs[].location is required.")
            parts = dict(p.split("=", 1) for p in link.get("connectionString", "").split(";") if p)
            key_fits = parts.get("SharedAccessKey") == self.access.hub_key
            host_fits = parts.get("HostName") == self.access.hub_host
            demand(key_fits and host_fits and any(r.kind == HUB for r in group.resources.values()),
                   "The hub of iotHubs[].connectionString cannot be reached with its key.", 400,
                   "IotHubUnauthorized")

    @staticmethod
    def _check_storage(_group, _name, header, _properties):
        demand(header.get("sku", {}).get("name", "").startswith("Standard_"), "sku is required.")
        demand(header.get("kind") == "StorageV2", "kind is required.")

    def _check_container(self, group, name, _header, properties):
        account = self._mine(group, STORAGE, name.split("/")[0])
        demand(account, f"The parent of '{name}' does not exist.", 404, "ParentResourceNotFound")
        demand(properties.get("publicAccess", "None") == "None"
               or account.body.get("allowBlobPublicAccess"),
               "Public access is not permitted on this storage account.", 409,
               "PublicAccessNotPermitted")

    def find(self, group_name, kind, name):
        found = self._mine(self.group(group_name), kind, name)
        demand(found, f"The Resource '{kind}/{name}' under resource group '{group_name}' was not "
               "found.", 404, "ResourceNotFound")
        return found

    @staticmethod
    def _mine(group, kind, name):
        return group.resources.get((kind.lower(), name.lower()))

    def is_free(self, kind, name):
        """Whether nothing of this kind in the world has the name."""
        existing = {(r.kind, r.name.lower()) for g in self.groups.values()
                    for r in g.resources.values()}
        return (kind, name.lower()) not in self.taken | existing

    def _etag(self):
        self._count += 1
        return base64.b64encode(f"etag {self._count}".encode()).decode()

    # ---- what a resource tells ----
    def document(self, group, resource):
        provider, *types = resource.kind.split("/")
        path = "".join(f"/{a}/{b}" for a, b in zip(types, resource.name.split("/")))
        return {"id": f"{self.group_id(group)}/providers/{provider}{path}",
                "name": resource.name.split("/")[-1], "type": resource.kind,
                "location": resource.location, "sku": resource.sku, "etag": resource.etag,
                "tags": {}, "properties": self.properties(resource)}

    def properties(self, resource):
        access = self.access
        live = {HUB: {"state": "Active", "hostName": access.hub_host},
                DPS: {"state": "Active", "idScope": access.id_scope,
                      "serviceOperationsHostName": access.dps_service_host,
                      "deviceProvisioningHostName": access.dps_device_host},
                STORAGE: {"primaryEndpoints": {"blob": access.blob_endpoint}},
                CONTAINER: {}}[resource.kind]
        shown = {**resource.body, "provisioningState": "Succeeded", **live}
        if "iotHubs" in shown:
            shown["iotHubs"] = [{**link, "connectionString": "HostName=****", "name":
                                 access.hub_host} for link in shown["iotHubs"]]
        return shown

    def keys(self, resource, policy=None):
        if resource.kind == STORAGE:
            return {"keys": [{"keyName": "key1", "value": self.access.storage_key,
                              "permissions": "FULL"},
                             {"keyName": "key2", "value": self.access.storage_key,
                              "permissions": "FULL"}]}
        rule = ({"keyName": "iothubowner", "primaryKey": self.access.hub_key,
                 "rights": "RegistryWrite, ServiceConnect, DeviceConnect"}
                if resource.kind == HUB else
                {"keyName": "provisioningserviceowner", "primaryKey": self.access.dps_key,
                 "rights": "ServiceConfig, DeviceConnect, EnrollmentWrite"})
        rule["secondaryKey"] = rule["primaryKey"]
        if policy is None:
            return {"value": [rule]}
        demand(policy.lower() == rule["keyName"], f"There is no policy '{policy}'.", 404,
               "ResourceNotFound")
        return rule

    # ---- certificates and proof of possession ----
    def put_certificate(self, service, name, body, if_match):
        text = (body.get("properties") or body).get("certificate", "")
        pem = as_pem(text)
        old = service.certificates.get(name)
        demand(not old or if_match == old["etag"], "The ETag does not match.", 412,
               "PreconditionFailed")
        demand(openssl("x509 -noout -text -in", pem).count("CA:TRUE") == 1,
               "The certificate is not that of an authority.")
        service.certificates[name] = {"pem": pem, "etag": self._etag(), "verified": False,
                                      "code": None}
        return self.certificate_document(service, name)

    def verification_code(self, service, name, if_match):
        certificate = self._certificate(service, name, if_match)
        certificate["code"] = os.urandom(24).hex().upper()
        certificate["etag"] = self._etag()
        document = self.certificate_document(service, name)
        document["properties"]["verificationCode"] = certificate["code"]
        return document

    def verify(self, service, name, body, if_match):
        certificate = self._certificate(service, name, if_match)
        proof = as_pem(body.get("certificate", ""))
        subject = openssl("x509 -noout -subject -nameopt RFC2253 -in", proof)
        demand(certificate["code"] and subject.strip() == f"subject=CN={certificate['code']}",
               "The verification certificate does not name the verification code.", 400, "400158")
        demand(signed_by(proof, certificate["pem"]),
               "The verification certificate is not signed by the authority.", 400, "400158")
        certificate.update(verified=True, code=None, etag=self._etag())
        return self.certificate_document(service, name)

    @staticmethod
    def _certificate(service, name, if_match=None):
        demand(name in service.certificates, f"Certificate '{name}' was not found.", 404,
               "404001")
        certificate = service.certificates[name]
        demand(if_match == certificate["etag"], "The ETag does not match.", 412,
               "PreconditionFailed")
        return certificate

    def certificate_document(self, service, name):
        demand(name in service.certificates, f"Certificate '{name}' was not found.", 404,
               "404001")
        certificate = service.certificates[name]
        der = base64.b64decode("".join(certificate["pem"].splitlines()[1:-1]))
        return {"id": f"certificates/{name}", "name": name, "etag": certificate["etag"],
                "type": f"{service.kind}/Certificates",
                "properties": {"isVerified": certificate["verified"], "subject": name,
                               "thumbprint": hashlib.sha1(der).hexdigest().upper()}}


def as_pem(text):
    """From base64 of PEM or DER, as the service takes it."""
    try:
        content = base64.b64decode(text, validate=True)
    except ValueError:
        raise Refusal(400, "BadRequest", "The certificate is not base64.") from None
    if content.startswith(b"-----BEGIN"):
        return content.decode().strip() + "\n"
    return ("-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(content).decode()
            + "-----END CERTIFICATE-----\n")


def openssl(command, pem):
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(pem)
        file.flush()
        done = subprocess.run(["openssl", *command.split(), file.name], capture_output=True,
                              text=True, check=False)
    demand(done.returncode == 0, "The certificate cannot be read.")
    return done.stdout


def signed_by(leaf, authority):
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(authority)
        file.flush()
        done = subprocess.run(["openssl", "verify", "-partial_chain", "-CAfile", file.name],
                              input=leaf, capture_output=True, text=True, check=False)
    return done.returncode == 0
