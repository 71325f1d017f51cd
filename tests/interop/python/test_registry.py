"""The service's side of IoT Hub with azure-iot-hub: identities, twins, configurations."""

import base64
import os
import unittest

from azure.iot.hub import IoTHubConfigurationManager
from azure.iot.hub.models import (Configuration, ConfigurationContent, ConfigurationMetrics,
                                  ConfigurationQueriesTestInput, Twin, TwinProperties)
from hub import SERVICE, Device, fresh, registry
from msrest.exceptions import HttpOperationError

configurations = IoTHubConfigurationManager.from_connection_string(SERVICE)


def desired(content, tags=None):
    return Twin(tags=tags, properties=TwinProperties(desired=content))


class Case(unittest.TestCase):
    def assert_status(self, status, function, *arguments):
        with self.assertRaises(HttpOperationError) as caught:
            function(*arguments)
        self.assertEqual(caught.exception.response.status_code, status)

    def until(self, ask, found):
        """Asks again until found(answer) holds; in vain it ends by the test's time-out."""
        while True:
            answer = ask()
            if found(answer):
                return answer


class Identities(Case):
    def test_created_read_updated_deleted(self):
        device_id = fresh("crud")
        made = registry.create_device_with_sas(device_id, None, None, "enabled")
        self.assertEqual(made.authentication.type, "sas")
        self.assertEqual(len(made.authentication.symmetric_key.primary_key), 44)
        self.assertEqual(registry.get_device(device_id).generation_id, made.generation_id)
        key = base64.b64encode(os.urandom(32)).decode()
        changed = registry.update_device_with_sas(device_id, made.etag, key, key, "disabled")
        self.assertEqual(changed.status, "disabled")
        self.assertEqual(changed.authentication.symmetric_key.primary_key, key)
        self.assert_status(412, registry.update_device_with_sas, device_id, made.etag, key, key,
                           "enabled")
        registry.delete_device(device_id)
        self.assert_status(404, registry.get_device, device_id)
        self.assert_status(404, registry.delete_device, device_id)

    def test_an_id_twice(self):
        device = Device()
        self.assert_status(409, registry.create_device_with_sas, device.id, None, None, "enabled")

    def test_certificates(self):
        own, signed = fresh("own"), fresh("signed")
        made = registry.create_device_with_x509(own, "A" * 40, "B" * 64, "enabled")
        self.assertEqual(made.authentication.x509_thumbprint.secondary_thumbprint, "B" * 64)
        changed = registry.update_device_with_x509(own, made.etag, "C" * 40, "D" * 40, "enabled")
        self.assertEqual(changed.authentication.x509_thumbprint.primary_thumbprint, "C" * 40)
        registry.create_device_with_certificate_authority(signed, "enabled")
        self.assertEqual(registry.get_device(signed).authentication.type, "certificateAuthority")
        self.assertEqual(registry.get_twin(own).authentication_type, "selfSigned")

    def test_lists_and_statistics(self):
        before = registry.get_device_registry_statistics().total_device_count
        device = Device("counted")
        self.assertEqual(registry.get_device_registry_statistics().total_device_count, before + 1)
        self.assertIn(device.id, [one.device_id for one in registry.get_devices()])
        self.assertEqual(len(registry.get_devices(1)), 1)
        client = device.client()
        connected = registry.get_service_statistics().connected_device_count
        client.connect()
        self.assertEqual(registry.get_device(device.id).connection_state, "Connected")
        self.assertEqual(registry.get_service_statistics().connected_device_count, connected + 1)
        client.shutdown()


class Twins(Case):
    def test_patched_with_and_without_a_matching_etag(self):
        device = Device()
        first = registry.update_twin(device.id, desired({"a": {"b": 1}}, {"site": "x"}), "*")
        self.assertEqual(first.tags, {"site": "x"})
        second = registry.update_twin(device.id, desired({"a": {"c": 2}}), first.etag)
        self.assertEqual(second.properties.desired["a"], {"b": 1, "c": 2})
        self.assertEqual(second.properties.desired["$version"], 3)
        self.assert_status(412, registry.update_twin, device.id, desired({"a": 1}), first.etag)
        self.assertEqual(registry.get_twin(device.id).etag, second.etag)

    def test_replaced(self):
        device = Device()
        registry.update_twin(device.id, desired({"old": 1}, {"old": 1}), "*")
        twin = registry.replace_twin(device.id, desired({"fresh": 1}, {"fresh": 1}), "*")
        self.assertEqual(twin.tags, {"fresh": 1})
        self.assertNotIn("old", twin.properties.desired)
        self.assertEqual(twin.properties.desired["fresh"], 1)

    def test_read_changed_and_sent_back(self):
        device = Device()
        registry.update_twin(device.id, desired({"a": 1}), "*")
        twin = registry.get_twin(device.id)
        twin.tags = {"changed": True}
        self.assertEqual(registry.update_twin(device.id, twin, twin.etag).tags, {"changed": True})

    def test_refused(self):
        device = Device()
        self.assert_status(400, registry.update_twin, device.id, desired({"a.b": 1}), "*")
        self.assert_status(400, registry.update_twin, device.id, desired({"a": [None]}), "*")
        self.assert_status(404, registry.get_twin, fresh("none"))


def configuration(name, condition, content, priority=1, metrics=None):
    return Configuration(
        id=name, schema_version="1.0", labels={"made": "here"}, priority=priority,
        target_condition=condition, content=ConfigurationContent(device_content=content),
        metrics=ConfigurationMetrics(queries=metrics or {}))


class Configurations(Case):
    def test_created_read_updated_deleted(self):
        name = fresh("config")
        made = configurations.create_configuration(
            configuration(name, "", {"properties.desired.x": 1}))
        self.assertEqual(made.content.device_content, {"properties.desired.x": 1})
        self.assertEqual(configurations.get_configuration(name).etag, made.etag)
        made.priority = 7
        changed = configurations.update_configuration(made, made.etag)
        self.assertEqual(changed.priority, 7)
        self.assert_status(412, configurations.update_configuration, made, made.etag)
        self.assertIn(name, [one.id for one in configurations.get_configurations()])
        configurations.delete_configuration(name)
        self.assert_status(404, configurations.get_configuration, name)

    def test_queries_are_tested_before_use(self):
        good = configurations.test_configuration_queries(ConfigurationQueriesTestInput(
            target_condition="tags.ring='a'",
            custom_metric_queries={"ok": "SELECT deviceId FROM devices"}))
        self.assertFalse(good.target_condition_error)
        self.assertFalse(good.custom_metric_query_errors)
        bad = configurations.test_configuration_queries(ConfigurationQueriesTestInput(
            target_condition="tags.ring ==", custom_metric_queries={"bad": "SELECT FROM"}))
        self.assertTrue(bad.target_condition_error)
        self.assertTrue(bad.custom_metric_query_errors["bad"])

    def test_devices_match_stop_matching_and_are_counted(self):
        ring, low, high = fresh("ring"), fresh("low"), fresh("high")
        device = Device()
        registry.update_twin(device.id, Twin(tags={"ring": ring}), "*")
        condition = f"tags.ring='{ring}'"
        configurations.create_configuration(configuration(
            low, condition, {"properties.desired.fw": "low", "properties.desired.only": 1}))
        configurations.create_configuration(configuration(
            high, condition, {"properties.desired.fw": "high"}, priority=2, metrics={
                "all": f"SELECT deviceId FROM devices WHERE configurations.[[{high}]].status"
                       " = 'Applied'"}))

        def read():
            return registry.get_twin(device.id)

        twin = self.until(read, lambda one: one.properties.desired.get("fw") == "high")
        self.assertEqual(twin.properties.desired["only"], 1)
        shown = configurations.get_configuration(high)
        self.assertEqual(shown.system_metrics.results,
                         {"targetedCount": 1, "appliedCount": 1})
        self.assertEqual(shown.metrics.results, {"all": 1})
        configurations.delete_configuration(high)
        self.until(read, lambda one: one.properties.desired.get("fw") == "low")
        registry.update_twin(device.id, Twin(tags={"ring": None}), "*")
        self.until(read, lambda one: "fw" not in one.properties.desired)

    def test_refused(self):
        self.assert_status(400, configurations.create_configuration,
                           configuration(fresh("bad"), "tags.x ==", {"properties.desired.x": 1}))
        self.assert_status(400, configurations.create_configuration,
                           configuration(fresh("bad"), "", {"properties.reported.x": 1}))


if __name__ == "__main__":
    unittest.main()
