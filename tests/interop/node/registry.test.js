'use strict';
// The service's side of IoT Hub with azure-iothub: identities, twins, configurations.

const assert = require('node:assert');
const { randomBytes } = require('node:crypto');
const { test } = require('node:test');
const { NoRetry } = require('azure-iot-common');
const { Client } = require('azure-iot-device');
const { Mqtt } = require('azure-iot-device-mqtt');
const { ca, createDevice, fresh, registry, rest, until } = require('./hub.js');

const body = async (answer) => (await answer).responseBody;
const twinOf = (deviceId) => body(registry.getTwin(deviceId));

// ---- Identities ----

test('an identity is created, read, updated and deleted', async () => {
  const deviceId = fresh('crud');
  const made = await body(registry.create({ deviceId, status: 'enabled' }));
  assert.strictEqual(made.authentication.type, 'sas');
  assert.match(made.authentication.symmetricKey.primaryKey, /^.{44}$/);
  assert.strictEqual(made.connectionState, 'Disconnected');
  assert.match(made.generationId, /^\d+$/);
  assert.deepStrictEqual(await body(registry.get(deviceId)), made);
  const changed = await body(registry.update({ ...made, status: 'disabled', statusReason: 'spare part' }));
  assert.strictEqual(changed.status, 'disabled');
  assert.strictEqual(changed.statusReason, 'spare part');
  assert.notStrictEqual(changed.etag, made.etag);
  await registry.delete(deviceId);
  await assert.rejects(registry.get(deviceId), { name: 'DeviceNotFoundError' });
  const anew = await body(registry.create({ deviceId }));
  assert.notStrictEqual(anew.generationId, made.generationId);
});

test('keys of the caller are kept, and both let the device in', async () => {
  const symmetricKey = {
    primaryKey: randomBytes(32).toString('base64'), secondaryKey: randomBytes(32).toString('base64'),
  };
  const device = await createDevice('keys', { authentication: { type: 'sas', symmetricKey } });
  assert.deepStrictEqual((await body(registry.get(device.deviceId))).authentication.symmetricKey, symmetricKey);
  for (const key of Object.values(symmetricKey)) {
    const client = Client.fromConnectionString(device.connectionString.replace(device.key, key), Mqtt);
    client.setRetryPolicy(new NoRetry());
    await client.setOptions({ ca });
    await client.open();
    await client.close();
  }
});

test('every character of a device id is taken as it is', async () => {
  const deviceId = `${fresh('id')}-:.+%_#*?!(),=@;$'%25`;
  await registry.create({ deviceId });
  assert.strictEqual((await body(registry.get(deviceId))).deviceId, deviceId);
  assert.strictEqual((await twinOf(deviceId)).deviceId, deviceId);
  await registry.delete(deviceId);
  await assert.rejects(registry.get(deviceId), { name: 'DeviceNotFoundError' });
});

test('errors have the documented classes and codes', async () => {
  const { deviceId } = await createDevice();
  await assert.rejects(registry.create({ deviceId }), { name: 'DeviceAlreadyExistsError' });
  await assert.rejects(registry.update({ deviceId: fresh('none'), status: 'enabled' }), { name: 'DeviceNotFoundError' });
  await assert.rejects(registry.delete(fresh('none')), { name: 'DeviceNotFoundError' });
  await assert.rejects(registry.create({ deviceId: 'with space' }), { name: 'ArgumentError' });
  await assert.rejects(registry.create({ deviceId: fresh('status'), status: 'perhaps' }));
  const conflict = await rest('PUT', `/devices/${deviceId}?api-version=2021-04-12`, { body: { deviceId } });
  assert.strictEqual(conflict.status, 409);
  assert.strictEqual(conflict.headers['iothub-errorcode'], 'DeviceAlreadyExists');
  assert.match(conflict.body.Message, /^ErrorCode:DeviceAlreadyExists;/);
  const stale = await rest('PUT', `/devices/${deviceId}?api-version=2021-04-12`, {
    body: { deviceId, status: 'disabled' }, headers: { 'If-Match': '"stale"' },
  });
  assert.strictEqual(stale.status, 412);
});

test('a list shows identities, and statistics count them', async () => {
  const { deviceId } = await createDevice();
  const before = await body(registry.getRegistryStatistics());
  await createDevice('counted', { status: 'disabled' });
  const after = await body(registry.getRegistryStatistics());
  assert.strictEqual(after.totalDeviceCount, before.totalDeviceCount + 1);
  assert.strictEqual(after.disabledDeviceCount, before.disabledDeviceCount + 1);
  const list = await body(registry.list());
  assert.ok(list.some((device) => device.deviceId === deviceId));
});

test('a device has no modules', async () => {
  const { deviceId } = await createDevice();
  assert.deepStrictEqual(await body(registry.getModulesOnDevice(deviceId)), []);
  await assert.rejects(registry.getModulesOnDevice(fresh('none')), { name: 'DeviceNotFoundError' });
});

// ---- Twins ----

test('a twin is patched: members merge and null deletes', async () => {
  const { deviceId } = await createDevice();
  await registry.updateTwin(deviceId, {
    tags: { place: { city: 'Oslo', floor: 3 }, kind: 'pump' }, properties: { desired: { a: { b: 1, c: [1, 2] } } },
  }, '*');
  const twin = await body(registry.updateTwin(deviceId, {
    tags: { place: { floor: null }, kind: null }, properties: { desired: { a: { b: null } } },
  }, '*'));
  assert.deepStrictEqual(twin.tags, { place: { city: 'Oslo' } });
  assert.deepStrictEqual(twin.properties.desired.a, { c: [1, 2] });
  assert.strictEqual(twin.properties.desired.$version, 3);
  assert.strictEqual(twin.properties.desired.$metadata.a.c.$lastUpdatedVersion, 2);
  assert.strictEqual(twin.properties.desired.$metadata.a.$lastUpdatedVersion, 3);
});

test('etags guard a twin, with and without quotes', async () => {
  const { deviceId } = await createDevice();
  const first = await twinOf(deviceId);
  await registry.updateTwin(deviceId, { tags: { n: 1 } }, first.etag);
  await assert.rejects(registry.updateTwin(deviceId, { tags: { n: 2 } }, first.etag), { name: 'InvalidEtagError' });
  const { etag } = await twinOf(deviceId);
  for (const [ifMatch, status] of [
    [`"${first.etag}"`, 412], [`"${etag}"`, 200], ['*', 200], ['"*"', 200], [undefined, 200], ['W/"stale"', 412],
  ]) {
    const answer = await rest('PATCH', `/twins/${deviceId}?api-version=2021-04-12`, {
      body: { tags: {} }, headers: ifMatch === undefined ? {} : { 'If-Match': ifMatch },
    });
    assert.strictEqual(answer.status, status, ifMatch);
    if (status === 200) assert.strictEqual(answer.headers.etag, `"${answer.body.etag}"`);
  }
});

test('a twin is replaced whole', async () => {
  const { deviceId } = await createDevice();
  await registry.updateTwin(deviceId, { tags: { old: 1 }, properties: { desired: { old: 1 } } }, '*');
  const { status, body: twin } = await rest('PUT', `/twins/${deviceId}?api-version=2021-04-12`, {
    body: { tags: { fresh: 1 }, properties: { desired: { fresh: 1 } } }, headers: { 'If-Match': '"*"' },
  });
  assert.strictEqual(status, 200);
  assert.deepStrictEqual(twin.tags, { fresh: 1 });
  const { $metadata: metadata, $version: version, ...desired } = twin.properties.desired;
  assert.deepStrictEqual(desired, { fresh: 1 });
  assert.strictEqual(metadata.old, undefined);
  assert.strictEqual(version, 3);
});

test('twin objects of the SDK can be read, changed and sent back', async () => {
  const { deviceId } = await createDevice();
  const twin = await twinOf(deviceId);
  await twin.update({ tags: { by: 'twin.update' } });
  const updated = await twinOf(deviceId);
  assert.strictEqual(updated.tags.by, 'twin.update');
  // What a reading returned is accepted as a whole: metadata and versions in it are passed over.
  const whole = JSON.parse(JSON.stringify({ tags: updated.tags, properties: { desired: updated.properties.desired } }));
  await registry.updateTwin(deviceId, whole, '*');
});

test('content that breaks the rules of twins is refused', async () => {
  const { deviceId } = await createDevice();
  let deep = 1;
  for (let level = 0; level < 11; level += 1) deep = { d: deep };
  for (const desired of [
    { 'a.b': 1 }, { 'a b': 1 }, { $a: 1 }, { a: [1, null] }, { a: 'x'.repeat(4097) }, { a: 2 ** 53 }, { deep },
    { large: Object.fromEntries(Array.from({ length: 9 }, (_, n) => [`k${n}`, 'x'.repeat(4000)])) },
  ]) {
    await assert.rejects(registry.updateTwin(deviceId, { properties: { desired } }, '*'), { name: 'ArgumentError' });
  }
  await assert.rejects(registry.updateTwin(deviceId, { tags: [] }, '*'));
  assert.strictEqual((await twinOf(deviceId)).properties.desired.$version, 1);
  await assert.rejects(registry.getTwin(fresh('none')), { name: 'DeviceNotFoundError' });
});

// ---- Configurations ----

function configuration(id, { condition, desired, priority = 1, metrics = {} }) {
  return {
    id, schemaVersion: '1.0', labels: { made: 'here' }, priority, targetCondition: condition,
    content: { deviceContent: desired }, metrics: { queries: metrics },
  };
}

async function tagged(ring) {
  const device = await createDevice();
  await registry.updateTwin(device.deviceId, { tags: { ring } }, '*');
  return device.deviceId;
}

test('a configuration is created, read, updated and deleted', async () => {
  const id = fresh('config');
  const made = await body(registry.addConfiguration(
    configuration(id, { condition: "tags.ring='none'", desired: { 'properties.desired.x': 1 } })));
  assert.strictEqual(made.id, id);
  assert.ok(made.etag && made.createdTimeUtc);
  await assert.rejects(registry.addConfiguration(
    configuration(id, { condition: '*', desired: { 'properties.desired.x': 1 } })));
  const read = await body(registry.getConfiguration(id));
  const changed = await body(registry.updateConfiguration({ ...read, priority: 7, labels: { made: 'there' } }));
  assert.strictEqual(changed.priority, 7);
  await assert.rejects(registry.updateConfiguration({ ...read, priority: 8 }));  // The etag is old.
  await registry.updateConfiguration({ ...read, priority: 9 }, true);
  assert.ok((await body(registry.getConfigurations())).some((one) => one.id === id && one.priority === 9));
  await registry.removeConfiguration(id);
  await assert.rejects(registry.getConfiguration(id));
});

test('conditions and metric queries are tested before use', async () => {
  // This version of the SDK has no function for it.
  const run = async (queries) =>
    (await rest('POST', '/configurations/testQueries?api-version=2021-04-12', { body: queries })).body;
  const good = await run({
    targetCondition: "tags.ring='a'",
    customMetricQueries: { ok: "SELECT deviceId FROM devices WHERE properties.reported.ok = true" },
  });
  assert.ok(!good.targetConditionError);
  assert.deepStrictEqual(good.customMetricQueryErrors ?? {}, {});
  const bad = await run({ targetCondition: 'tags.ring ==', customMetricQueries: { bad: 'SELECT FROM' } });
  assert.ok(bad.targetConditionError);
  assert.ok(bad.customMetricQueryErrors.bad);
});

test('a configuration reaches matching devices, counts them, and leaves those that stop matching', async () => {
  const ring = fresh('ring');
  const id = fresh('config');
  const [inside, outside] = [await tagged(ring), await tagged(`${ring}-other`)];
  await registry.addConfiguration(configuration(id, {
    condition: `tags.ring='${ring}'`,
    desired: { 'properties.desired.fw': { version: '2' } },
    metrics: { all: `SELECT deviceId FROM devices WHERE configurations.[[${id}]].status='Applied'` },
  }));
  const twin = await until(() => twinOf(inside), (one) => one.properties.desired.fw);
  assert.deepStrictEqual(twin.properties.desired.fw, { version: '2' });
  assert.strictEqual(twin.configurations[id].status, 'Applied');
  assert.strictEqual((await twinOf(outside)).properties.desired.fw, undefined);
  const shown = await body(registry.getConfiguration(id));
  assert.strictEqual(shown.systemMetrics.results.targetedCount, 1);
  assert.strictEqual(shown.systemMetrics.results.appliedCount, 1);
  assert.strictEqual(shown.metrics.results.all, 1);
  await registry.updateTwin(outside, { tags: { ring } }, '*');
  await until(() => twinOf(outside), (one) => one.properties.desired.fw);
  await registry.updateTwin(inside, { tags: { ring: null } }, '*');
  const left = await until(() => twinOf(inside), (one) => !one.properties.desired.fw);
  assert.strictEqual(left.configurations?.[id], undefined);
});

test('the higher priority wins a path, and deleting it gives the path to the next', async () => {
  const ring = fresh('ring');
  const device = await tagged(ring);
  const condition = `tags.ring='${ring}'`;
  const [low, high] = [fresh('low'), fresh('high')];
  await registry.addConfiguration(configuration(low, {
    condition, priority: 1, desired: { 'properties.desired.fw': 'low', 'properties.desired.only': 'low' },
  }));
  await registry.addConfiguration(configuration(high, { condition, priority: 2, desired: { 'properties.desired.fw': 'high' } }));
  const both = await until(() => twinOf(device), (one) => one.properties.desired.fw === 'high');
  assert.strictEqual(both.properties.desired.only, 'low');
  await registry.updateConfiguration({ ...(await body(registry.getConfiguration(low))), priority: 3 });
  await until(() => twinOf(device), (one) => one.properties.desired.fw === 'low');
  await registry.removeConfiguration(low);
  const after = await until(() => twinOf(device), (one) => one.properties.desired.fw === 'high');
  assert.strictEqual(after.properties.desired.only, undefined);
  await registry.removeConfiguration(high);
  const none = await until(() => twinOf(device), (one) => one.properties.desired.fw === undefined);
  assert.deepStrictEqual(none.configurations ?? {}, {});
});

test('a connected device hears of a configuration at once', async () => {
  const ring = fresh('ring');
  const device = await createDevice();
  await registry.updateTwin(device.deviceId, { tags: { ring } }, '*');
  const client = Client.fromConnectionString(device.connectionString, Mqtt);
  await client.setOptions({ ca });
  await client.open();
  const twin = await client.getTwin();
  const told = new Promise((resolve) => { twin.on('properties.desired.fw', resolve); });
  await registry.addConfiguration(configuration(fresh('config'), {
    condition: `tags.ring='${ring}'`, desired: { 'properties.desired.fw': { version: '3' } },
  }));
  assert.deepStrictEqual(await told, { version: '3' });
  await client.close();
});

test('a configuration that makes no sense is refused', async () => {
  const valid = configuration(fresh('config'), { condition: '', desired: { 'properties.desired.x': 1 } });
  for (const change of [
    { content: {} }, { content: { deviceContent: { 'properties.reported.x': 1 } } }, { targetCondition: 'tags.x ==' },
    { priority: -1 }, { id: 'Not [allowed]' }, { metrics: { queries: { bad: 'SELECT' } } },
  ]) {
    await assert.rejects(registry.addConfiguration({ ...valid, ...change }), Error, JSON.stringify(change));
  }
});
