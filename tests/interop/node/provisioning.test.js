'use strict';
// DPS: devices with azure-iot-provisioning-device, its service side with azure-iot-provisioning-service.

const assert = require('node:assert');
const { createHmac, randomBytes, X509Certificate } = require('node:crypto');
const { test } = require('node:test');
const { NoRetry } = require('azure-iot-common');
const { Client, Message } = require('azure-iot-device');
const { Mqtt } = require('azure-iot-device-mqtt');
const { ProvisioningDeviceClient } = require('azure-iot-provisioning-device');
const { Mqtt: ProvisioningMqtt } = require('azure-iot-provisioning-device-mqtt');
const { ProvisioningServiceClient } = require('azure-iot-provisioning-service');
const { SymmetricKeySecurityClient } = require('azure-iot-security-symmetric-key');
const { X509Security } = require('azure-iot-security-x509');
const { ca, environment, fresh, makeCertificate, registry, rest, serviceToken, tokenFor } = require('./hub.js');

const service = ProvisioningServiceClient.fromConnectionString(environment.DPS_CONNECTION_STRING);
const randomKey = () => randomBytes(32).toString('base64');
const derivedKey = (groupKey, id) =>
  createHmac('sha256', Buffer.from(groupKey, 'base64')).update(id).digest('base64');

/// Rejects where the SDK calls back with an error.
function register(security, { payload, idScope = environment.ID_SCOPE } = {}) {
  const client = ProvisioningDeviceClient.create(environment.DPS_HOST, idScope, new ProvisioningMqtt(), security);
  if (payload) client.setProvisioningPayload(payload);
  return new Promise((resolve, reject) => {
    client.register((error, result) => (error ? reject(error) : resolve(result)));
  });
}

const withKey = (id, key) => new SymmetricKeySecurityClient(id, key);
const withCertificate = (id, { cert, key }) => new X509Security(id, { cert, key });
const symmetricKey = (primaryKey = randomKey()) =>
  ({ type: 'symmetricKey', symmetricKey: { primaryKey, secondaryKey: randomKey() } });
const x509 = (member, certificate) =>
  ({ type: 'x509', x509: { [member]: { primary: { certificate: certificate.cert } } } });

async function createEnrollment(enrollment) {
  return (await service.createOrUpdateIndividualEnrollment(enrollment)).responseBody;
}

async function createGroup(group) {
  return (await service.createOrUpdateEnrollmentGroup(group)).responseBody;
}

async function deviceWorks(connectionString, options = {}) {
  const client = Client.fromConnectionString(connectionString, Mqtt);
  client.setRetryPolicy(new NoRetry());
  await client.setOptions({ ca, ...options });
  await client.open();
  await client.sendEvent(new Message('1'));
  await client.close();
}

// ---- Symmetric keys ----

test('a device of a group registers with its derived key and connects with what it was told', async () => {
  const group = fresh('group');
  const attestation = symmetricKey();
  await createGroup({
    enrollmentGroupId: group,
    attestation,
    initialTwin: { tags: { site: 'plant' }, properties: { desired: { rate: 5 } } },
  });
  const id = fresh('member');
  const key = derivedKey(attestation.symmetricKey.primaryKey, id);
  const result = await register(withKey(id, key));
  assert.strictEqual(result.status, 'assigned');
  assert.strictEqual(result.deviceId, id);
  assert.strictEqual(result.assignedHub, environment.HUB_HOST);
  assert.strictEqual(result.substatus, 'initialAssignment');
  await deviceWorks(`HostName=${result.assignedHub};DeviceId=${result.deviceId};SharedAccessKey=${key}`);
  const twin = (await registry.getTwin(id)).responseBody;
  assert.strictEqual(twin.tags.site, 'plant');
  assert.strictEqual(twin.properties.desired.rate, 5);
  assert.strictEqual(twin.properties.desired.$version, 2);
});

test('an individual enrollment names the device and its first twin', async () => {
  const id = fresh('individual');
  const attestation = symmetricKey();
  await createEnrollment({
    registrationId: id, deviceId: `${id}-device`, attestation, capabilities: { iotEdge: false },
    initialTwin: { tags: { ring: 'canary' }, properties: { desired: { fw: { version: '1' } } } },
  });
  const result = await register(withKey(id, attestation.symmetricKey.primaryKey));
  assert.strictEqual(result.deviceId, `${id}-device`);
  const twin = (await registry.getTwin(`${id}-device`)).responseBody;
  assert.deepStrictEqual(twin.tags, { ring: 'canary' });
  assert.deepStrictEqual(twin.properties.desired.fw, { version: '1' });
  const again = await register(withKey(id, attestation.symmetricKey.secondaryKey));
  assert.strictEqual(again.deviceId, `${id}-device`);
});

test('a payload of the device is taken and cannot choose its tags', async () => {
  const id = fresh('payload');
  const result = await register(withKey(id, derivedKey(environment.GROUP_KEY, id)), {
    payload: { modelId: 'dtmi:example:thing;1', tags: { ring: 'all' }, nested: { a: [1, 2] } },
  });
  assert.strictEqual(result.status, 'assigned');
  assert.deepStrictEqual((await registry.getTwin(id)).responseBody.tags, {});
});

test('registering again keeps the twin, and makes a device that was deleted anew', async () => {
  const id = fresh('again');
  const attestation = symmetricKey();
  await createEnrollment({ registrationId: id, attestation, initialTwin: { tags: { born: 1 } } });
  const security = () => withKey(id, attestation.symmetricKey.primaryKey);
  await register(security());
  await registry.updateTwin(id, { tags: { born: 2 } }, '*');
  await register(security());
  assert.strictEqual((await registry.getTwin(id)).responseBody.tags.born, 2);
  await registry.delete(id);
  await register(security());
  assert.strictEqual((await registry.getTwin(id)).responseBody.tags.born, 1);
});

test('a disabled enrollment assigns nothing, and blocks its group too', async () => {
  const id = fresh('disabled');
  const attestation = symmetricKey(derivedKey(environment.GROUP_KEY, id));
  await createEnrollment({ registrationId: id, attestation, provisioningStatus: 'disabled' });
  await assert.rejects(register(withKey(id, attestation.symmetricKey.primaryKey)));
  await assert.rejects(registry.get(id), { name: 'DeviceNotFoundError' });
});

test('unknown registrations, wrong keys and a wrong id scope are refused', async () => {
  const id = fresh('stranger');
  await assert.rejects(register(withKey(id, randomKey())));
  const other = fresh('other');
  await assert.rejects(register(withKey(id, derivedKey(environment.GROUP_KEY, other))));
  await assert.rejects(
    register(withKey(id, derivedKey(environment.GROUP_KEY, id)), { idScope: '0ne00000000' }));
  await assert.rejects(registry.get(id), { name: 'DeviceNotFoundError' });
});

test('a device registers over HTTPS with a token', async () => {
  const id = fresh('https');
  const key = derivedKey(environment.GROUP_KEY, id);
  const path = `/${environment.ID_SCOPE}/registrations/${id}`;
  const ask = (method, rest_of_path, body, authorization = tokenFor(path.slice(1), key, { policy: 'registration' })) =>
    rest(method, `${path}${rest_of_path}?api-version=2021-06-01`, { body, authorization });
  const first = await ask('PUT', '/register', { registrationId: id });
  assert.strictEqual(first.status, 202);
  assert.ok(Number(first.headers['retry-after']) >= 0);
  assert.strictEqual(first.body.status, 'assigning');
  const second = await ask('GET', `/operations/${first.body.operationId}`);
  assert.strictEqual(second.status, 200);
  assert.strictEqual(second.body.registrationState.deviceId, id);
  assert.strictEqual((await ask('POST', '', { registrationId: id })).body.status, 'assigned');
  assert.strictEqual((await ask('PUT', '/register', { registrationId: `${id}x` })).status, 400);
  assert.strictEqual((await ask('GET', '/operations/other')).status, 404);
  const wrong = tokenFor(path.slice(1), randomKey(), { policy: 'registration' });
  for (const authorization of [wrong, serviceToken(environment.DPS_CONNECTION_STRING), '']) {
    assert.strictEqual((await ask('PUT', '/register', { registrationId: id }, authorization)).status, 401);
  }
});

// ---- X.509 ----

test('an individual enrollment registers by its own certificate', async () => {
  const id = fresh('x509');
  const certificate = makeCertificate(id);
  const made = await createEnrollment({ registrationId: id, attestation: x509('clientCertificates', certificate) });
  const { info } = made.attestation.x509.clientCertificates.primary;
  assert.strictEqual(
    info.sha256Thumbprint, new X509Certificate(certificate.cert).fingerprint256.replaceAll(':', ''));
  assert.strictEqual(info.subjectName, `CN=${id}`);
  const result = await register(withCertificate(id, certificate));
  assert.strictEqual(result.deviceId, id);
  await deviceWorks(`HostName=${result.assignedHub};DeviceId=${id};x509=true`, certificate);
  await assert.rejects(register(withCertificate(id, makeCertificate(id))));
});

test('a group registers by an intermediate certificate that the hub was never told of', async () => {
  const root = makeCertificate(fresh('root'), { authority: true });
  const factory = makeCertificate(fresh('factory'), { issuer: root, authority: true });
  for (const enrolled of [root, factory]) {
    const group = fresh('x509-group');
    await createGroup({ enrollmentGroupId: group, attestation: x509('signingCertificates', enrolled) });
    const id = fresh('x509-member');
    const leaf = makeCertificate(id, { issuer: factory });
    const chain = { cert: leaf.cert + factory.cert, key: leaf.key };
    const result = await register(withCertificate(id, chain));
    assert.strictEqual(result.deviceId, id);
    await deviceWorks(`HostName=${result.assignedHub};DeviceId=${id};x509=true`, chain);
    await service.deleteEnrollmentGroup(group);
  }
});

test('certificates of another name or signed by nobody enrolled are refused', async () => {
  const root = makeCertificate(fresh('root'), { authority: true });
  await createGroup({ enrollmentGroupId: fresh('x509-group'), attestation: x509('signingCertificates', root) });
  const id = fresh('x509-member');
  await assert.rejects(register(withCertificate(id, makeCertificate(`${id}-other`, { issuer: root }))));
  const stranger = makeCertificate('stranger', { authority: true });
  const foreign = makeCertificate(id, { issuer: stranger });
  await assert.rejects(register(withCertificate(id, foreign)));
  await assert.rejects(register(withCertificate(id, { cert: foreign.cert + root.cert, key: foreign.key })));
});

// ---- The service's side ----

test('individual enrollments: create, read, update with etag, delete', async () => {
  const id = fresh('crud');
  const made = await createEnrollment({ registrationId: id, attestation: { type: 'symmetricKey' } });
  assert.strictEqual(made.registrationId, id);
  assert.strictEqual(made.provisioningStatus, 'enabled');
  assert.ok(made.etag && made.createdDateTimeUtc && made.lastUpdatedDateTimeUtc);
  const { responseBody: secret } = await service.getIndividualEnrollmentAttestationMechanism(id);
  assert.match(secret.symmetricKey.primaryKey, /^.{44}$/);
  const { responseBody: read } = await service.getIndividualEnrollment(id);
  assert.strictEqual(read.etag, made.etag);
  await assert.rejects(createEnrollment({ registrationId: id, attestation: { type: 'symmetricKey' } }));
  const changed = await createEnrollment({ ...read, provisioningStatus: 'disabled' });
  assert.strictEqual(changed.provisioningStatus, 'disabled');
  await assert.rejects(createEnrollment({ ...read, provisioningStatus: 'enabled' }));  // The etag is old.
  const { responseBody: kept } = await service.getIndividualEnrollmentAttestationMechanism(id);
  assert.deepStrictEqual(kept, secret);
  await assert.rejects(service.deleteIndividualEnrollment(id, read.etag));
  await service.deleteIndividualEnrollment(changed);
  await assert.rejects(service.getIndividualEnrollment(id));
});

test('enrollment groups: create, read, update, keys, delete', async () => {
  const id = fresh('crud-group');
  const made = await createGroup({
    enrollmentGroupId: id, attestation: symmetricKey(), initialTwin: { tags: { a: 1 }, properties: { desired: {} } },
  });
  const { responseBody: secret } = await service.getEnrollmentGroupAttestationMechanism(id);
  assert.match(secret.symmetricKey.primaryKey, /^.{44}$/);
  const changed = await createGroup({ ...made, initialTwin: { tags: { a: 2 } } });
  assert.notStrictEqual(changed.etag, made.etag);
  const { responseBody: read } = await service.getEnrollmentGroup(id);
  assert.strictEqual(read.initialTwin.tags.a, 2);
  await service.deleteEnrollmentGroup(id);
  await assert.rejects(service.getEnrollmentGroup(id));
});

async function all(query) {
  const items = [];
  let pages = 0;
  do {
    const { responseBody } = await query.next(query.continuationToken);  // Without it the SDK begins anew.
    items.push(...responseBody);
    pages += 1;
  } while (query.hasMoreResults);
  return { items, pages };
}

test('queries page through enrollments and groups', async () => {
  const ids = ['a', 'b', 'c'].map((letter) => fresh(`query-${letter}`));
  for (const registrationId of ids) await createEnrollment({ registrationId, attestation: symmetricKey() });
  const { items, pages } = await all(
    service.createIndividualEnrollmentQuery({ query: 'SELECT * FROM enrollments' }, 1));
  assert.ok(pages >= 3);
  assert.deepStrictEqual(items.map((item) => item.registrationId).filter((id) => ids.includes(id)), ids);
  const groups = await all(service.createEnrollmentGroupQuery({ query: 'SELECT * FROM enrollmentGroups' }, 10));
  assert.ok(groups.items.some((item) => item.enrollmentGroupId === environment.GROUP_ID));
});

test('registration states: read, query by group, delete', async () => {
  const group = fresh('states');
  const attestation = symmetricKey();
  await createGroup({ enrollmentGroupId: group, attestation });
  const ids = [fresh('state'), fresh('state')];
  await Promise.all(ids.map((id) => register(withKey(id, derivedKey(attestation.symmetricKey.primaryKey, id)))));
  const { responseBody: state } = await service.getDeviceRegistrationState(ids[0]);
  assert.strictEqual(state.status, 'assigned');
  assert.strictEqual(state.deviceId, ids[0]);
  const { items } = await all(service.createEnrollmentGroupDeviceRegistrationStateQuery(
    { query: 'SELECT * FROM enrollmentGroups' }, group, 1));
  assert.deepStrictEqual(items.map((item) => item.registrationId).sort(), [...ids].sort());
  await assert.rejects(service.deleteDeviceRegistrationState(ids[0], 'stale'));
  await service.deleteDeviceRegistrationState(state);
  await assert.rejects(service.getDeviceRegistrationState(ids[0]));
});

test('an individual enrollment shows the state of its registration', async () => {
  const id = fresh('shows');
  const attestation = symmetricKey();
  await createEnrollment({ registrationId: id, attestation });
  assert.strictEqual((await service.getIndividualEnrollment(id)).responseBody.registrationState, undefined);
  await register(withKey(id, attestation.symmetricKey.primaryKey));
  const { registrationState } = (await service.getIndividualEnrollment(id)).responseBody;
  assert.strictEqual(registrationState.status, 'assigned');
});

test('bulk operations say what each enrollment came to', async () => {
  const ids = [fresh('bulk'), fresh('bulk')];
  const enrollments = ids.map((registrationId) => ({ registrationId, attestation: symmetricKey() }));
  // The SDK answers to a callback only.
  const run = (mode, list) => new Promise((resolve, reject) => {
    service.runBulkEnrollmentOperation({ mode, enrollments: list }, (error, result) => (error ? reject(error) : resolve(result)));
  });
  assert.deepStrictEqual(await run('create', enrollments), { isSuccessful: true, errors: [] });
  const again = await run('create', [enrollments[0], { registrationId: fresh('bulk'), attestation: symmetricKey() }]);
  assert.strictEqual(again.isSuccessful, false);
  assert.deepStrictEqual(again.errors.map((error) => error.registrationId), [ids[0]]);
  assert.ok(again.errors[0].errorCode && again.errors[0].errorStatus);
  assert.strictEqual(
    (await run('update', enrollments.map((one) => ({ ...one, provisioningStatus: 'disabled' })))).isSuccessful, true);
  assert.strictEqual((await service.getIndividualEnrollment(ids[1])).responseBody.provisioningStatus, 'disabled');
  assert.strictEqual((await run('delete', enrollments)).isSuccessful, true);
  await assert.rejects(service.getIndividualEnrollment(ids[0]));
});

test('bad enrollments are refused with the member that is wrong', async () => {
  const authorization = serviceToken(environment.DPS_CONNECTION_STRING);
  const put = (id, body) =>
    rest('PUT', `/enrollments/${encodeURIComponent(id)}?api-version=2021-10-01`, { body, authorization });
  const cases = [
    ['bad id!', { attestation: { type: 'symmetricKey' } }, /bad id!/],
    [fresh('bad'), { attestation: { type: 'tpm', tpm: { endorsementKey: 'AA==' } } }, /attestation\.type/],
    [fresh('bad'), { attestation: x509('clientCertificates', { cert: 'AAEC' }) }, /primary certificate/],
    [fresh('bad'), { attestation: { type: 'symmetricKey' }, provisioningStatus: 'perhaps' }, /provisioningStatus/],
    [fresh('bad'), { attestation: { type: 'symmetricKey' }, allocationPolicy: 'custom' }, /allocationPolicy/],
  ];
  for (const [id, body, text] of cases) {
    const answer = await put(id, body);
    assert.strictEqual(answer.status, 400, JSON.stringify(body));
    assert.strictEqual(Math.floor(answer.body.errorCode / 1000), 400);
    assert.match(answer.body.message, text);
  }
});
