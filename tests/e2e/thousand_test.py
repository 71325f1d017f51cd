"""An operator with a thousand devices, and a colleague who moves them at the same time."""

import concurrent.futures
import time
import unittest

from operator_rig import HubCase
from rig import crowd
from rig.rest import Service

DEVICES = 1000
GENEROUS_S = 60

OK, NOT_FOUND, CONFLICT = 0, 3, 4


def name(number):
    return f"pump-{number:04}"


class Thousand(HubCase):
    def setUp(self):
        super().setUp()
        self.service = Service(self.site.profile)

    def create_devices(self):
        """Three of ten belong to the field, the others to the lab."""
        for group, lasts in (("field", range(3)), ("lab", range(3, 10))):
            names = [name(n) for n in range(DEVICES) if n % 10 in lasts]
            crowd.create(self.service, names, "pump", group)

    def report(self, number, status, version):
        device = crowd.connect(self.service, ("127.0.0.1", self.facts["mqtt_port"]), name(number))
        self.addCleanup(device.close)
        reported = {"extFwInfo": {"Status": status, "Version": version, "Code": "none"}}
        self.assertEqual(device.report(reported), 204)

    def listed(self, *filters):
        begun = time.monotonic()
        code, document = self.operator.json("device", "list", *filters)
        self.assertEqual(code, OK, document)
        self.assertLess(time.monotonic() - begun, GENEROUS_S)
        return [device["device"] for device in document["devices"]]

    def test_lists_and_filters(self):
        self.create_devices()
        for number, status, version in ((1, "applied", 12), (2, "applied", 12), (3, "error", 11),
                                        (15, "error", 12)):
            self.report(number, status, version)
        everybody = [name(n) for n in range(DEVICES)]
        self.assertEqual(self.listed(), everybody)
        self.assertEqual(len(self.listed("--product", "pump", "--group", "lab")), 700)
        self.assertEqual(self.listed("--product", "valve"), [])
        self.assertEqual(self.listed("--failed"), [name(3), name(15)])
        self.assertEqual(self.listed("--status", "applied"), [name(1), name(2)])
        self.assertEqual(self.listed("--version", "12"), [name(1), name(2), name(15)])
        self.assertEqual(self.listed("--not-version", "12"),
                         [d for d in everybody if d not in (name(1), name(2), name(15))])
        self.assertEqual(self.listed("--group", "lab", "--failed", "--version", "12"), [name(15)])
        code, out, _ = self.operator.call("device", "list")
        self.assertEqual((code, len(out.splitlines())), (OK, DEVICES + 1))

    def test_one_of_them_is_shown_moved_and_deleted(self):
        self.create_devices()
        code, device = self.operator.json("device", "show", name(500))
        self.assertEqual((code, device["group"]), (OK, "field"))
        code, device = self.operator.json("device", "tag", name(500), "--group", "lab")
        self.assertEqual((code, device["group"], device["product"]), (OK, "lab", "pump"))
        self.assertEqual(len(self.listed("--group", "lab")), 701)
        self.assertEqual(self.operator.call("device", "delete", name(500), "--yes")[0], OK)
        self.assertEqual(self.operator.call("device", "show", name(500))[0], NOT_FOUND)
        self.assertEqual(self.operator.call("device", "delete", name(500), "--yes")[0], NOT_FOUND)
        self.assertEqual(len(self.listed()), DEVICES - 1)

    def test_many_who_move_a_device_at_once_know_whose_move_holds(self):
        self.service.create_devices([{"id": "pump", "importMode": "create",
                                      "tags": {"productType": "pump", "deviceGroup": "lab"}}])
        groups = [f"group-{n}" for n in range(8)]
        with concurrent.futures.ThreadPoolExecutor(len(groups)) as operators:
            codes = list(operators.map(
                lambda group: self.operator.call("device", "tag", "pump", "--group", group)[0],
                groups))
        self.assertLessEqual(set(codes), {OK, CONFLICT})
        moved = [group for group, code in zip(groups, codes) if code == OK]
        self.assertIn(self.operator.json("device", "show", "pump")[1]["group"], moved)

    def test_a_thousand_enrollments(self):
        self.service.create_enrollments([
            {"registrationId": name(n), "attestation": {"type": "symmetricKey"}}
            for n in range(DEVICES)])
        begun = time.monotonic()
        code, document = self.operator.json("enrollment", "list")
        self.assertEqual(code, OK, document)
        self.assertLess(time.monotonic() - begun, GENEROUS_S)
        mine = [e["id"] for e in document["enrollments"] if e["kind"] == "individual"]
        self.assertEqual(mine, [name(n) for n in range(DEVICES)])


if __name__ == "__main__":
    unittest.main()
