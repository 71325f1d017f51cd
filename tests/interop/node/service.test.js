'use strict';
// Registry, twins, queries, configurations and jobs with Microsoft's azure-iothub.

const assert = require('node:assert');
const { test } = require('node:test');
const { Client } = require('azure-iot-device');
const { Mqtt } = require('azure-iot-device-mqtt');
const { JobClient } = require('azure-iothub');
const { ca, createDevice, environment, registry, fresh, rest, until } = require('./hub.js');

const jobs = JobClient.fromConnectionString(environment.IOTHUB_CONNECTION_STRING);

async function fleet(tags) {
  const ids = tags.map(() => fresh('svc'));
  await registry.addDevices(ids.map((deviceId, i) => ({ deviceId, status: 'enabled', tags: tags[i] })));
  return ids;
}

async function rowsOf(text, pageSize) {
  const query = registry.createQuery(text, pageSize);
  const rows = [];
  while (query.hasMoreResults) {
    const { result } = await query.next(query.continuationToken);
    rows.push(...result);
  }
  return rows;
}

async function twinOf(deviceId) {
  return (await registry.getTwin(deviceId)).responseBody;
}

test('identities are created, read, updated, listed and deleted', async () => {
  const deviceId = fresh('identity');
  const made = (await registry.create({ deviceId })).responseBody;
  assert.match(made.authentication.symmetricKey.primaryKey, /^[A-Za-z0-9+/]{43}=$/);
  assert.strictEqual(made.status, 'enabled');
  const changed = (await registry.update({ deviceId, status: 'disabled', statusReason: 'test' })).responseBody;
  assert.strictEqual(changed.status, 'disabled');
  assert.notStrictEqual(changed.etag, made.etag);
  assert.strictEqual(changed.generationId, made.generationId);
  const list = (await registry.list()).responseBody;
  assert.ok(list.some((device) => device.deviceId === deviceId));
  await registry.delete(deviceId);
  await assert.rejects(registry.get(deviceId), { name: 'DeviceNotFoundError' });
  const statistics = (await registry.getRegistryStatistics()).responseBody;
  assert.strictEqual(typeof statistics.totalDeviceCount, 'number');
});

test('a second creation, a stale etag and a bad id are refused with their own errors', async () => {
  const deviceId = fresh('refused');
  await registry.create({ deviceId });
  await assert.rejects(registry.create({ deviceId }), { name: 'DeviceAlreadyExistsError' });
  await assert.rejects(registry.create({ deviceId: 'a b' }), { name: 'ArgumentError' });
  await assert.rejects(registry.updateTwin(deviceId, { tags: { a: 1 } }, 'stale'), { name: 'InvalidEtagError' });
  await assert.rejects(registry.getTwin(fresh('absent')), { name: 'DeviceNotFoundError' });
});

test('devices are added, updated and removed in bulk', async () => {
  const ids = [fresh('bulk'), fresh('bulk')];
  const added = (await registry.addDevices(ids.map((deviceId) => ({ deviceId })))).responseBody;
  assert.deepStrictEqual(added, { isSuccessful: true, errors: [], warnings: [] });
  await registry.updateDevices(ids.map((deviceId) => ({ deviceId, status: 'disabled' })), true);
  assert.strictEqual((await registry.get(ids[1])).responseBody.status, 'disabled');
  const { etag } = (await registry.get(ids[0])).responseBody;
  await registry.updateDevices([{ deviceId: ids[0], status: 'enabled', etag }], false);
  await assert.rejects(registry.removeDevices([{ deviceId: ids[0], etag }], false), (error) => {
    assert.strictEqual(error.name, 'ArgumentError');
    assert.match(error.responseBody, /PreconditionFailed/);
    return true;
  });
  await registry.removeDevices(ids.map((deviceId) => ({ deviceId })), true);
  await assert.rejects(registry.get(ids[0]), { name: 'DeviceNotFoundError' });
});

test('twins are patched and replaced, guarded by their etags', async () => {
  const [deviceId] = await fleet([{ ring: 'a' }]);
  const twin = (await registry.getTwin(deviceId)).responseBody;
  const change = { tags: { floor: 3 }, properties: { desired: { a: { b: 1, c: 2 } } } };
  const before = twin.etag;
  await twin.update(change);
  assert.deepStrictEqual(twin.tags, { ring: 'a', floor: 3 });
  const merged = (await registry.updateTwin(deviceId, { properties: { desired: { a: { b: null } } } }, twin.etag)).responseBody;
  assert.deepStrictEqual(merged.properties.desired.a, { c: 2 });
  assert.strictEqual(merged.properties.desired.$version, 3);
  await assert.rejects(registry.updateTwin(deviceId, { tags: { x: 1 } }, before), { name: 'InvalidEtagError' });
  const replaced = await rest('PUT', `/twins/${deviceId}?api-version=2021-04-12`, {
    body: { tags: { only: 1 }, properties: { desired: { z: 1 } } }, headers: { 'if-match': '"*"' },
  });
  assert.deepStrictEqual(replaced.body.tags, { only: 1 });
  assert.strictEqual(replaced.body.properties.desired.a, undefined);
});

test('queries select, page, count and group', async () => {
  const plant = fresh('plant');
  const ids = await fleet([{ plant, n: 1, list: [1, { x: 5 }] }, { plant, n: 2 }, { plant }]);
  const where = `tags.plant = '${plant}'`;
  const twins = registry.createQuery(`SELECT * FROM devices WHERE ${where}`, 2);
  const first = await twins.nextAsTwin();
  assert.strictEqual(first.result.length, 2);
  assert.strictEqual(first.message.headers['x-ms-item-type'], 'Twin');
  assert.ok(twins.hasMoreResults);
  const second = await twins.nextAsTwin();
  assert.strictEqual(second.result.length, 1);
  assert.ok(!twins.hasMoreResults);
  const found = async (condition) => (await rowsOf(`SELECT deviceId FROM devices WHERE ${where} AND ${condition}`))
    .map((row) => ids.indexOf(row.deviceId));
  assert.deepStrictEqual(await found('tags.n > 1'), [1]);
  assert.deepStrictEqual(await found('tags.n != 1'), [1]);
  assert.deepStrictEqual(await found('NOT IS_DEFINED(tags.n)'), [2]);
  assert.deepStrictEqual(await found('tags.n IN [1, 5]'), [0]);
  assert.deepStrictEqual(await found('tags.n NIN [1, 5]'), [1]);
  assert.deepStrictEqual(await found('tags.list[1].x = 5'), [0]);
  assert.deepStrictEqual(await rowsOf(`SELECT COUNT() AS n, AVG(tags.n) AS mean, MIN(tags.n) AS low, MAX(tags.n) AS high,
    SUM(tags.n) AS sum FROM devices WHERE ${where}`), [{ n: 3, mean: 1.5, low: 1, high: 2, sum: 3 }]);
  const groups = await rowsOf(`SELECT tags.n AS n, COUNT() AS count FROM devices WHERE ${where} GROUP BY tags.n`, 2);
  assert.deepStrictEqual(groups, [{ count: 1 }, { n: 1, count: 1 }, { n: 2, count: 1 }]);
  await assert.rejects(rowsOf('SELECT * FRM devices'), { name: 'ArgumentError', message: /position 10/ });
});

test('a configuration is created, shown, updated and removed', async () => {
  const id = fresh('configuration');
  const ring = fresh('ring');
  const [inside, outside] = await fleet([{ ring }, {}]);
  const content = { deviceContent: { 'properties.desired.fw': { v: 1 } } };
  await registry.addConfiguration({
    id, content, targetCondition: `tags.ring='${ring}'`, priority: 10, labels: { release: '1' },
    metrics: { queries: { waiting: `SELECT deviceId FROM devices WHERE tags.ring='${ring}' AND NOT IS_DEFINED(properties.reported.fw)` } },
  });
  assert.deepStrictEqual((await twinOf(inside)).properties.desired.fw, { v: 1 });
  assert.deepStrictEqual((await twinOf(inside)).configurations, { [id]: { status: 'Applied' } });
  assert.strictEqual((await twinOf(outside)).properties.desired.fw, undefined);
  const shown = (await registry.getConfiguration(id)).responseBody;
  assert.deepStrictEqual(shown.systemMetrics.results, { targetedCount: 1, appliedCount: 1 });
  assert.deepStrictEqual(shown.metrics.results, { waiting: 1 });
  assert.strictEqual((await rowsOf(shown.systemMetrics.queries.appliedCount))[0].deviceId, inside);
  const stronger = fresh('configuration');
  await registry.addConfiguration({
    id: stronger, content: { deviceContent: { 'properties.desired.fw': { v: 2 } } }, targetCondition: `tags.ring='${ring}'`, priority: 20,
  });
  assert.deepStrictEqual((await twinOf(inside)).properties.desired.fw, { v: 2 });
  assert.strictEqual((await twinOf(inside)).configurations[id].status, 'Targeted');
  await registry.removeConfiguration(stronger);
  assert.deepStrictEqual((await twinOf(inside)).properties.desired.fw, { v: 1 });
  shown.targetCondition = '';
  const changed = (await registry.updateConfiguration(shown)).responseBody;
  assert.notStrictEqual(changed.etag, shown.etag);
  assert.strictEqual((await twinOf(inside)).properties.desired.fw, undefined);
  await assert.rejects(registry.updateConfiguration(shown), { name: 'InvalidEtagError' });
  changed.content = { deviceContent: { 'properties.desired.fw': { v: 9 } } };
  await assert.rejects(registry.updateConfiguration(changed, true), { name: 'ArgumentError' });
  const all = (await registry.getConfigurations()).responseBody;
  assert.ok(all.some((configuration) => configuration.id === id));
  await registry.removeConfiguration(id);
  await assert.rejects(registry.getConfiguration(id));
});

test('a job updates the twins of a query and tells how each device fared', async () => {
  const ring = fresh('ring');
  const ids = await fleet([{ ring }, { ring }, {}]);
  const jobId = fresh('job');
  const patch = { etag: '*', tags: { done: true }, properties: { desired: { v: 5 } } };
  await jobs.scheduleTwinUpdate(jobId, `tags.ring = '${ring}'`, patch, new Date(), 60);
  const ended = await until(async () => (await jobs.getJob(jobId)).jobStatus, (job) => job.status === 'completed');
  assert.deepStrictEqual(ended.deviceJobStatistics, {
    deviceCount: 2, failedCount: 0, succeededCount: 2, runningCount: 0, pendingCount: 0,
  });
  assert.strictEqual((await twinOf(ids[0])).tags.done, true);
  assert.strictEqual((await twinOf(ids[2])).tags.done, undefined);
  const devices = await rowsOf(`SELECT * FROM devices.jobs WHERE devices.jobs.jobId = '${jobId}'`);
  assert.deepStrictEqual(devices.map((row) => [row.deviceId, row.status]), [[ids[0], 'completed'], [ids[1], 'completed']]);
  const query = jobs.createQuery('scheduleUpdateTwin', 'completed');
  const { result } = await query.next(query.continuationToken);
  assert.ok(result.some((job) => job.jobId === jobId));
});

test('a job calls a method on the devices of a query and keeps their answers', async () => {
  const device = await createDevice('job-method');
  const client = Client.fromConnectionString(device.connectionString, Mqtt);
  await client.setOptions({ ca });
  await client.open();
  client.onDeviceMethod('reboot', (request, response) => response.send(200, { in: request.payload.seconds }));
  await client.getTwin();  // The subscription has been taken when this is answered.
  const jobId = fresh('job');
  const call = { methodName: 'reboot', payload: { seconds: 5 }, responseTimeoutInSeconds: 10 };
  await jobs.scheduleDeviceMethod(jobId, `deviceId = '${device.deviceId}'`, call, new Date(), 60);
  const ended = await until(async () => (await jobs.getJob(jobId)).jobStatus, (job) => job.status === 'completed');
  assert.strictEqual(ended.deviceJobStatistics.succeededCount, 1);
  const [row] = await rowsOf(`SELECT * FROM devices.jobs WHERE devices.jobs.jobId = '${jobId}'`);
  assert.deepStrictEqual(row.outcome, { deviceMethodResponse: { status: 200, payload: { in: 5 } } });
  await client.close();
});

test('a job that waits for its time is cancelled', async () => {
  const jobId = fresh('job');
  await jobs.scheduleTwinUpdate(jobId, '*', { etag: '*', tags: { never: true } }, new Date(Date.now() + 3600e3), 60);
  assert.strictEqual((await jobs.getJob(jobId)).jobStatus.status, 'scheduled');
  await jobs.cancelJob(jobId);
  assert.strictEqual((await jobs.getJob(jobId)).jobStatus.status, 'cancelled');
  await assert.rejects(jobs.getJob(fresh('absent')));
});
