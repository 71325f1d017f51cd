"""infra/mcu-ota.json without Azure: what it makes, and what it must never do."""

import json
import pathlib
import re
import sys
import unittest

from tests.provisioning.resources import CONTAINER, DPS, HUB, STORAGE, VERSIONS
from tests.provisioning.template import InvalidTemplate, Template

TEXT = (pathlib.Path(__file__).resolve().parents[2] / "infra" / "mcu-ota.json").read_text()
GROUP = {"id": "/subscriptions/s/resourceGroups/g", "name": "g", "location": "westeurope"}
NAMES = {"hubName": "hub-1", "dpsName": "dps-1", "storageName": "store1"}
KEY = "the key of the hub"
LIVE = {
    "reference": lambda _id: {"hostName": "hub-1.example", "serviceOperationsHostName": "dps",
                              "deviceProvisioningHostName": "global", "idScope": "0ne1",
                              "primaryEndpoints": {"blob": "https://store1.example/"}},
    "listkeys": lambda _id, _version: {"primaryKey": KEY},
}


def expand(**parameters):
    """(header, properties) of each resource by type, and the template."""
    template = Template(json.loads(TEXT), {**NAMES, **parameters}, GROUP)
    return {header["type"]: (header, template.properties(index, LIVE))
            for index, header in enumerate(template.headers())}, template


class ItsText(unittest.TestCase):
    def test_each_version_of_an_interface_stands_there_once(self):
        versions = re.findall(r"20\d\d-\d\d-\d\d(?:-preview)?", TEXT.replace("2019-04-01/deploym",
                                                                             ""))
        self.assertEqual(len(versions), len(set(versions)), versions)
        self.assertEqual(set(versions), set(json.loads(TEXT)["variables"][name] for name in (
            "iotHubVersion", "provisioningVersion", "storageVersion")))

    def test_the_scripts_name_no_version(self):
        for script in ("azure_login", "setup_resources", "clean_resources"):
            path = pathlib.Path(__file__).resolve().parents[2] / "scripts" / f"{script}.sh"
            self.assertEqual(re.findall(r"20\d\d-\d\d-\d\d", path.read_text()), [])

    def test_no_secret_is_a_parameter_or_an_output(self):
        document = json.loads(TEXT)
        self.assertNotIn("secure", TEXT.lower())
        self.assertNotIn("listKeys", json.dumps(document["outputs"]))
        _, template = expand()
        self.assertNotIn(KEY, json.dumps(template.outputs(LIVE)))


class WhatItMakes(unittest.TestCase):
    def test_four_resources_of_published_versions(self):
        made, _ = expand()
        self.assertEqual(set(made), {HUB, DPS, STORAGE, CONTAINER})
        for kind, (header, _) in made.items():
            self.assertIn(header["apiVersion"], VERSIONS[kind])
            if kind != CONTAINER:
                self.assertEqual(header["location"], "westeurope")

    def test_the_storage_account_is_closed_to_the_public_and_to_old_protocols(self):
        made, _ = expand()
        properties = made[STORAGE][1]
        self.assertEqual(properties["minimumTlsVersion"], "TLS1_2")
        self.assertTrue(properties["supportsHttpsTrafficOnly"])
        self.assertFalse(properties["allowBlobPublicAccess"])
        self.assertFalse(properties["allowCrossTenantReplication"])
        # The tokens with which devices read one blob are signed with the key of the account.
        self.assertTrue(properties["allowSharedKeyAccess"])
        header, properties = made[CONTAINER]
        self.assertEqual(header["name"], "store1/default/firmware")
        self.assertEqual(properties, {"publicAccess": "None"})

    def test_the_provisioning_service_is_linked_to_the_hub(self):
        made, template = expand()
        header, properties = made[DPS]
        self.assertEqual(header["dependsOn"], [template.id_of(made[HUB][0])])
        link, = properties["iotHubs"]
        self.assertEqual(link["connectionString"],
                         f"HostName=hub-1.example;SharedAccessKeyName=iothubowner;"
                         f"SharedAccessKey={KEY}")
        self.assertTrue(link["applyAllocationPolicy"])

    def test_tier_and_units_are_as_asked_for_and_free_without_asking(self):
        self.assertEqual(expand()[0][HUB][0]["sku"], {"name": "F1", "capacity": 1})
        self.assertEqual(expand(tier="S1", units=3)[0][HUB][0]["sku"],
                         {"name": "S1", "capacity": 3})

    def test_values_that_cannot_be_are_refused(self):
        for parameters in ({"tier": "S9"}, {"units": 0}, {"units": 201}, {"units": "1"},
                           {"hubName": "a"}, {"storageName": "x" * 25}, {"other": 1}):
            with self.subTest(parameters), self.assertRaises(InvalidTemplate):
                expand(**parameters)


class TheDouble(unittest.TestCase):
    """It must not let a template pass that Azure refuses."""

    def document(self, **changes):
        return {**json.loads(TEXT), **changes}

    def test_what_is_not_modelled_is_refused(self):
        for changes in ({"functions": []}, {"resources": [{"type": "a/b", "copy": {}}]},
                        {"resources": [{"type": "a/b", "condition": False}]}):
            with self.subTest(changes), self.assertRaises(InvalidTemplate):
                Template(self.document(**changes), NAMES, GROUP)

    def test_broken_expressions_are_refused(self):
        for text in ("[parameters('nothing')]", "[format('a']", "[unknown()]", "[concat('a') b]",
                     "[variables('hubId').x]", "[resourceId('a/b', 'c', 'd')]", "['a' ~ 'b']"):
            document = self.document(resources=[{"type": "a/b", "apiVersion": "1", "name": text}])
            with self.subTest(text), self.assertRaises(InvalidTemplate):
                Template(document, NAMES, GROUP).headers()

    def test_keys_are_there_only_once_the_resource_is(self):
        template = Template(json.loads(TEXT), NAMES, GROUP)
        with self.assertRaises(InvalidTemplate):
            template.properties([h["type"] for h in template.headers()].index(DPS), {})


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
