"""The template against the published schemas of its resources.

They come with the Azure CLI's packages: Microsoft generates the models of azure.mgmt from the
published specifications of each version of the interface. Every member of a resource must be one of
them, writable, of its type, and every required one must be there. Runs with the Python that has
these packages; nothing in it talks to anybody.
"""

import enum
import json
import pathlib
import re
import subprocess
import sys
import unittest

from tests.provisioning.template_test import expand
from tests.provisioning.resources import CONTAINER, DPS, HUB, STORAGE

SYSTEM_PYTHON = "/usr/bin/python3"
SKIP = 77
PLAIN = {"str": str, "int": int, "bool": bool, "float": (int, float)}


def models_of(kind, version):
    """The module with the models of that version, and the model of the resource."""
    folder = "v" + version.replace("-", "_")
    if kind == HUB:
        module = __import__(f"azure.mgmt.iothub.{folder}.models", fromlist=["x"])
        return module, module.IotHubDescription
    if kind == DPS:
        from azure.mgmt.iothubprovisioningservices import _configuration, models
        if version not in pathlib.Path(_configuration.__file__).read_text():
            raise AssertionError(f"the installed models are not of {version}")
        return models, models.ProvisioningServiceDescription
    module = __import__(f"azure.mgmt.storage.{folder}.models", fromlist=["x"])
    if kind == CONTAINER:
        return module, module.BlobContainer
    return module, module.StorageAccountCreateParameters


def flattened(model):
    """{path: (attribute, type, rules)}: a key "properties.x" is a member x of properties."""
    return {tuple(re.split(r"(?<!\\)\.", about["key"])):
            (about["type"], model._validation.get(attribute, {}))
            for attribute, about in model._attribute_map.items()}


class Judge:
    def __init__(self, module):
        self._module = module
        self.problems = []

    def resource(self, model, value, place):
        """One object against one model."""
        members = flattened(model)
        for path, (kind, rules) in members.items():
            found = value
            for step in path:
                found = found.get(step, {}) if isinstance(found, dict) else {}
            if found == {} and rules.get("required") and path[-1] != "properties":
                self.problems.append(f"{place}: lacks {'.'.join(path)}")
        self._members(members, value, place, ())

    def _members(self, members, value, place, above):
        for name, member in value.items():
            path = (*above, name)
            if path in members:
                kind, rules = members[path]
                if rules.get("readonly"):
                    self.problems.append(f"{place}: {'.'.join(path)} is read only")
                self._value(kind, member, f"{place}.{'.'.join(path)}")
            elif any(known[:len(path)] == path for known in members) and isinstance(member, dict):
                self._members(members, member, place, path)
            else:
                self.problems.append(f"{place}: there is no {'.'.join(path)}")

    def _value(self, kind, value, place):
        if kind.startswith("["):
            for index, element in enumerate(value):
                self._value(kind[1:-1], element, f"{place}[{index}]")
        elif kind in PLAIN:
            plain = isinstance(value, PLAIN[kind]) and (kind == "bool") == isinstance(value, bool)
            if not plain:
                self.problems.append(f"{place}: {value!r} is not of type {kind}")
        elif kind.startswith("{"):
            for name, member in value.items():
                self._value(kind[1:-1], member, f"{place}.{name}")
        else:
            model = getattr(self._module, kind)
            if isinstance(model, type) and issubclass(model, enum.Enum):
                if value not in [allowed.value for allowed in model]:
                    self.problems.append(f"{place}: {value!r} is not one of {kind}")
            else:
                self.resource(model, value, place)


def problems_of(kind, header, properties):
    module, model = models_of(kind, header["apiVersion"])
    body = {name: value for name, value in header.items()
            if name not in ("type", "apiVersion", "name", "dependsOn")}
    judge = Judge(module)
    judge.resource(model, {**body, "properties": properties}, kind)
    return judge.problems


class Schemas(unittest.TestCase):
    def test_every_resource_is_as_published(self):
        made, _ = expand(tier="S1", units=2)
        for kind, (header, properties) in made.items():
            with self.subTest(kind):
                self.assertEqual(problems_of(kind, header, properties), [])

    def test_what_is_not_as_published_is_found(self):
        made, _ = expand()
        for kind, change, words in (
                (HUB, lambda h, p: p.update(minTls="1.2"), "properties: there is no minTls"),
                (HUB, lambda h, p: h.pop("sku"), "lacks sku"),
                (HUB, lambda h, p: p.update(hostName="x"), "properties: hostName is read only"),
                (HUB, lambda h, p: h["sku"].update(capacity="1"), "'1' is not of type int"),
                (DPS, lambda h, p: p["iotHubs"][0].pop("location"), "lacks location"),
                (STORAGE, lambda h, p: h.pop("kind"), "lacks kind"),
                (STORAGE, lambda h, p: p.update(allowBlobPublicAccess="no"), "is not of type bool"),
                (CONTAINER, lambda h, p: p.update(public="None"), "there is no properties.public")):
            header, properties = json.loads(json.dumps(made[kind]))
            change(header, properties)
            with self.subTest(words):
                self.assertRegex("\n".join(problems_of(kind, header, properties)), words)


def main():
    try:
        import azure.mgmt.iothub  # noqa: F401
    except ImportError:
        if sys.executable == SYSTEM_PYTHON:
            print("the models of azure.mgmt are not installed: scripts/obtain_azure_cli")
            return SKIP
        return subprocess.run([SYSTEM_PYTHON, "-m", "tests.provisioning.schemas_test"],
                              check=False).returncode
    return 0 if unittest.main(argv=sys.argv[:1], exit=False).result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
