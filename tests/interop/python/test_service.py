"""Registry, twins, queries, configurations and jobs with Microsoft's azure-iot-hub."""

import unittest

from azure.iot.hub import IoTHubConfigurationManager, IoTHubJobManager
from azure.iot.hub.models import (
    Configuration,
    ConfigurationContent,
    ConfigurationMetrics,
    ConfigurationQueriesTestInput,
    ExportImportDevice,
    JobRequest,
    QuerySpecification,
    Twin,
    TwinProperties,
)
from hub import SERVICE, fresh, registry, rest
from msrest.exceptions import HttpOperationError

configurations = IoTHubConfigurationManager.from_connection_string(SERVICE)
jobs = IoTHubJobManager.from_connection_string(SERVICE)


def fleet(*tags):
    ids = [fresh("svc") for _ in tags]
    made = registry.bulk_create_or_update_devices(
        [
            ExportImportDevice(id=id_, import_mode="create", status="enabled", tags=tags_)
            for id_, tags_ in zip(ids, tags)
        ]
    )
    assert made.is_successful, made.errors
    return ids


class Service(unittest.TestCase):
    def refused(self, status, call, *arguments):
        with self.assertRaises(HttpOperationError) as caught:
            call(*arguments)
        self.assertEqual(caught.exception.response.status_code, status)
        return caught.exception.response

    def test_identities_are_created_updated_and_deleted(self):
        id_ = fresh("identity")
        made = registry.create_device_with_sas(id_, None, None, "enabled")
        self.assertEqual(len(made.authentication.symmetric_key.primary_key), 44)
        changed = registry.update_device_with_sas(id_, made.etag, None, None, "disabled")
        self.assertEqual(changed.status, "disabled")
        self.refused(
            412, registry.update_device_with_sas, id_, made.etag, None, None, "enabled"
        )
        self.refused(409, registry.create_device_with_sas, id_, None, None, "enabled")
        self.assertIn(id_, [device.device_id for device in registry.get_devices(1000)])
        self.assertGreater(registry.get_device_registry_statistics().total_device_count, 0)
        self.assertGreaterEqual(registry.get_service_statistics().connected_device_count, 0)
        registry.delete_device(id_)
        answer = self.refused(404, registry.get_device, id_)
        self.assertEqual(answer.headers["iothub-errorcode"], "DeviceNotFound")

    def test_x509_identities_are_created(self):
        self_signed = registry.create_device_with_x509(fresh("x509"), "A" * 40, "B" * 40, "enabled")
        self.assertEqual(self_signed.authentication.x509_thumbprint.primary_thumbprint, "A" * 40)
        signed = registry.create_device_with_certificate_authority(fresh("ca"), "enabled")
        self.assertEqual(signed.authentication.type, "certificateAuthority")

    def test_a_bulk_request_that_fails_in_part_tells_which_part(self):
        good, bad = fresh("good"), fresh("bad")
        answer = registry.bulk_create_or_update_devices(
            [
                ExportImportDevice(id=good, import_mode="createOrUpdate", status="enabled"),
                ExportImportDevice(id=bad, import_mode="update", status="enabled"),
            ]
        )
        self.assertFalse(answer.is_successful)
        self.assertEqual(
            [(error.device_id, error.error_code) for error in answer.errors],
            [(bad, "DeviceNotFound")],
        )
        self.assertEqual(registry.get_device(good).device_id, good)

    def test_twins_are_patched_and_replaced(self):
        (id_,) = fleet({"ring": "a"})
        twin = registry.get_twin(id_)
        patched = registry.update_twin(
            id_,
            Twin(tags={"floor": 3}, properties=TwinProperties(desired={"a": {"b": 1}})),
            twin.etag,
        )
        self.assertEqual(patched.tags, {"ring": "a", "floor": 3})
        self.assertEqual(patched.properties.desired["$version"], 2)
        self.refused(412, registry.update_twin, id_, Twin(tags={"x": 1}), twin.etag)
        replaced = registry.replace_twin(id_, Twin(tags={"only": 1}))
        self.assertEqual(replaced.tags, {"only": 1})
        self.refused(400, registry.update_twin, id_, Twin(tags={"a.b": 1}))

    def test_queries_page(self):
        plant = fresh("plant")
        ids = fleet({"plant": plant}, {"plant": plant}, {"plant": plant})
        text = QuerySpecification(query=f"SELECT * FROM devices WHERE tags.plant = '{plant}'")
        first = registry.query_iot_hub(text, None, 2)
        self.assertEqual(first.type, "Twin")
        self.assertEqual([twin.device_id for twin in first.items], ids[:2])
        answer = rest(
            "POST",
            "/devices/query?api-version=2021-04-12",
            {"query": text.query},
            {"x-ms-continuation": first.continuation_token, "x-ms-max-item-count": "2"},
        )
        self.assertEqual([row["deviceId"] for row in answer.json()], ids[2:])
        self.assertNotIn("x-ms-continuation", answer.headers)

    def test_configurations_manage_devices(self):
        ring, id_ = fresh("ring"), fresh("configuration")
        (device,) = fleet({"ring": ring})
        made = configurations.create_configuration(
            Configuration(
                id=id_,
                schema_version="1.0",
                priority=5,
                target_condition=f"tags.ring='{ring}'",
                content=ConfigurationContent(device_content={"properties.desired.fw": {"v": 1}}),
                metrics=ConfigurationMetrics(
                    queries={"all": f"SELECT deviceId FROM devices WHERE tags.ring='{ring}'"}
                ),
            )
        )
        self.assertEqual(made.priority, 5)
        self.assertEqual(registry.get_twin(device).properties.desired["fw"], {"v": 1})
        shown = configurations.get_configuration(id_)
        self.assertEqual(shown.system_metrics.results, {"targetedCount": 1, "appliedCount": 1})
        self.assertEqual(shown.metrics.results, {"all": 1})
        shown.labels = {"release": "1"}
        updated = configurations.update_configuration(shown, shown.etag)
        self.assertEqual(updated.labels, {"release": "1"})
        self.refused(412, configurations.update_configuration, shown, shown.etag)
        self.refused(409, configurations.create_configuration, shown)
        self.assertEqual(len(configurations.get_configurations(1)), 1)
        configurations.delete_configuration(id_)
        self.assertNotIn("fw", registry.get_twin(device).properties.desired)
        self.refused(404, configurations.get_configuration, id_)

    def test_queries_of_a_configuration_are_tested(self):
        tested = configurations.test_configuration_queries(
            ConfigurationQueriesTestInput(
                target_condition="tags.ring=", custom_metric_queries={"bad": "SELECT"}
            )
        )
        self.assertIn("position", tested.target_condition_error)
        self.assertIn("bad", tested.custom_metric_query_errors)

    def test_a_job_updates_the_twins_of_a_query(self):
        ring, id_ = fresh("ring"), fresh("job")
        device, other = fleet({"ring": ring}, {})
        made = jobs.create_scheduled_job(
            id_,
            JobRequest(
                job_id=id_,
                type="scheduleUpdateTwin",
                update_twin=Twin(etag="*", tags={"done": True}),
                query_condition=f"tags.ring='{ring}'",
                start_time="2020-01-01T00:00:00Z",
                max_execution_time_in_seconds=60,
            ),
        )
        self.assertEqual(made.job_id, id_)
        while (job := jobs.get_scheduled_job(id_)).status not in ("completed", "failed"):
            pass
        self.assertEqual(job.status, "completed")
        self.assertEqual(job.device_job_statistics.succeeded_count, 1)
        self.assertEqual(registry.get_twin(device).tags, {"ring": ring, "done": True})
        self.assertFalse(registry.get_twin(other).tags)

    def test_a_job_is_cancelled(self):
        id_ = fresh("job")
        jobs.create_scheduled_job(
            id_,
            JobRequest(
                job_id=id_,
                type="scheduleUpdateTwin",
                update_twin=Twin(etag="*", tags={"never": True}),
                query_condition="*",
                start_time="2099-01-01T00:00:00Z",
                max_execution_time_in_seconds=60,
            ),
        )
        self.assertEqual(jobs.get_scheduled_job(id_).status, "scheduled")
        self.assertEqual(jobs.cancel_scheduled_job(id_).status, "cancelled")
        self.refused(404, jobs.get_scheduled_job, fresh("absent"))


if __name__ == "__main__":
    unittest.main()
