#pragma once

// The tables of the hub's state. The query compiler (cloud/hub/query) names the columns of device
// and target.
//
// What a device changes while it talks (reports, activity, connection) has a narrow table of its
// own, device_state: SQLite reads and writes whole rows, and a report would cost twice as much in
// the wide one. The view device shows both as one; it is read from, never written to.

#include <array>
#include <string_view>

namespace ota::hub {

inline constexpr std::array<std::string_view, 4> kSchema = {R"sql(
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
)sql",
                                                            R"sql(
CREATE TABLE device_state (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  device_id TEXT NOT NULL UNIQUE REFERENCES device (device_id) ON DELETE CASCADE,
  reported_version INTEGER NOT NULL DEFAULT 1,
  connection_state TEXT NOT NULL DEFAULT 'Disconnected',
  connection_updated TEXT NOT NULL DEFAULT '0001-01-01T00:00:00Z',
  last_activity TEXT NOT NULL DEFAULT '0001-01-01T00:00:00Z',
  reported TEXT NOT NULL DEFAULT '{}',
  reported_metadata TEXT NOT NULL DEFAULT '{"$lastUpdated":"0001-01-01T00:00:00Z"}');
INSERT INTO device_state (device_id, reported_version, connection_state, connection_updated,
                          last_activity, reported, reported_metadata)
  SELECT device_id, reported_version, connection_state, connection_updated, last_activity, reported,
         reported_metadata FROM device;

-- The version of a twin counts the changes of both sides.
UPDATE device SET version = version - (reported_version - 1);
ALTER TABLE device RENAME COLUMN version TO service_version;
ALTER TABLE device DROP COLUMN connection_state;
ALTER TABLE device DROP COLUMN connection_updated;
ALTER TABLE device DROP COLUMN last_activity;
ALTER TABLE device DROP COLUMN reported;
ALTER TABLE device DROP COLUMN reported_version;
ALTER TABLE device DROP COLUMN reported_metadata;
ALTER TABLE device RENAME TO device_base;

CREATE TRIGGER device_state_of_new AFTER INSERT ON device_base BEGIN
  INSERT INTO device_state (device_id) VALUES (NEW.device_id);
END;
-- LEFT, so that SQLite leaves the state out where no column of it is asked for.
CREATE VIEW device AS SELECT
  b.device_id, b.generation_id, b.device_etag, b.status, b.status_reason, b.status_updated,
  b.authentication_type, b.primary_key, b.secondary_key, b.primary_thumbprint,
  b.secondary_thumbprint, b.iot_edge, b.model_id, b.etag,
  b.service_version + s.reported_version - 1 AS version,
  b.tags, b.desired, b.desired_version, b.desired_metadata, b.managed,
  s.reported, s.reported_version, s.reported_metadata,
  s.connection_state, s.connection_updated, s.last_activity
  FROM device_base AS b LEFT JOIN device_state AS s ON s.device_id = b.device_id;
)sql"};

}  // namespace ota::hub
