#pragma once

// The tables of the hub's state. The query compiler (cloud/hub/query) names the columns of device
// and target.

#include <array>
#include <string_view>

namespace ota::hub {

inline constexpr std::array<std::string_view, 3> kSchema = {R"sql(
CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE policy (
  service TEXT NOT NULL, name TEXT NOT NULL, rights INTEGER NOT NULL,
  primary_key TEXT NOT NULL, secondary_key TEXT NOT NULL,
  PRIMARY KEY (service, name)) WITHOUT ROWID;

CREATE TABLE device (
  device_id TEXT PRIMARY KEY, generation_id TEXT NOT NULL, device_etag TEXT NOT NULL,
  status TEXT NOT NULL, status_reason TEXT, status_updated TEXT NOT NULL,
  authentication_type TEXT NOT NULL, primary_key TEXT, secondary_key TEXT,
  primary_thumbprint TEXT, secondary_thumbprint TEXT,
  connection_state TEXT NOT NULL DEFAULT 'Disconnected',
  connection_updated TEXT NOT NULL DEFAULT '0001-01-01T00:00:00Z',
  last_activity TEXT NOT NULL DEFAULT '0001-01-01T00:00:00Z',
  iot_edge INTEGER NOT NULL DEFAULT 0, model_id TEXT NOT NULL DEFAULT '',
  etag TEXT NOT NULL DEFAULT 'AAAAAAAAAAE=', version INTEGER NOT NULL DEFAULT 2,
  tags TEXT NOT NULL DEFAULT '{}',
  desired TEXT NOT NULL DEFAULT '{}', desired_version INTEGER NOT NULL DEFAULT 1,
  desired_metadata TEXT NOT NULL DEFAULT '{"$lastUpdated":"0001-01-01T00:00:00Z"}',
  reported TEXT NOT NULL DEFAULT '{}', reported_version INTEGER NOT NULL DEFAULT 1,
  reported_metadata TEXT NOT NULL DEFAULT '{"$lastUpdated":"0001-01-01T00:00:00Z"}',
  managed TEXT NOT NULL DEFAULT '{}');

CREATE TABLE configuration (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, configuration_id TEXT NOT NULL UNIQUE,
  etag INTEGER NOT NULL, schema_version TEXT NOT NULL, labels TEXT NOT NULL,
  content TEXT NOT NULL, tree TEXT NOT NULL, target_condition TEXT NOT NULL,
  priority INTEGER NOT NULL, metric_queries TEXT NOT NULL,
  created TEXT NOT NULL, updated TEXT NOT NULL);

CREATE TABLE target (
  configuration_id TEXT NOT NULL,
  device_id TEXT NOT NULL REFERENCES device (device_id) ON DELETE CASCADE,
  status TEXT NOT NULL,
  PRIMARY KEY (configuration_id, device_id)) WITHOUT ROWID;
CREATE INDEX target_of_device ON target (device_id);

CREATE TABLE enrollment (
  kind TEXT NOT NULL, id TEXT NOT NULL, etag TEXT NOT NULL, status TEXT NOT NULL,
  attestation TEXT NOT NULL, primary_key TEXT, secondary_key TEXT, document TEXT NOT NULL,
  created TEXT NOT NULL, updated TEXT NOT NULL,
  PRIMARY KEY (kind, id)) WITHOUT ROWID;

CREATE TABLE registration (
  registration_id TEXT PRIMARY KEY, enrollment_group_id TEXT, device_id TEXT NOT NULL,
  operation_id TEXT NOT NULL, substatus TEXT NOT NULL, attestation TEXT NOT NULL,
  etag TEXT NOT NULL, created TEXT NOT NULL, updated TEXT NOT NULL);
)sql",
                                                            R"sql(
CREATE TABLE message (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  device_id TEXT NOT NULL REFERENCES device (device_id) ON DELETE CASCADE,
  properties TEXT NOT NULL, body TEXT NOT NULL, enqueued TEXT NOT NULL, expires INTEGER NOT NULL,
  deliveries INTEGER NOT NULL DEFAULT 0);
CREATE INDEX message_of_device ON message (device_id, sequence);
CREATE INDEX message_expiry ON message (expires);
)sql",
                                                            R"sql(
CREATE TABLE job (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT, job_id TEXT NOT NULL UNIQUE,
  type TEXT NOT NULL, status TEXT NOT NULL, condition TEXT NOT NULL,
  update_twin TEXT, method TEXT, start_at INTEGER NOT NULL, seconds_max INTEGER NOT NULL,
  created_at INTEGER NOT NULL, ended_at INTEGER, failure_reason TEXT);

CREATE TABLE device_job (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  job_id TEXT NOT NULL REFERENCES job (job_id) ON DELETE CASCADE,
  device_id TEXT NOT NULL, status TEXT NOT NULL,
  created TEXT NOT NULL, updated TEXT NOT NULL, started TEXT, ended TEXT,
  outcome TEXT, error TEXT,
  UNIQUE (job_id, device_id));
CREATE INDEX device_job_of_status ON device_job (job_id, status);

CREATE TABLE unevaluated (device_id TEXT PRIMARY KEY) WITHOUT ROWID;
ALTER TABLE configuration ADD COLUMN results TEXT NOT NULL DEFAULT '{}';
)sql"};

}  // namespace ota::hub
