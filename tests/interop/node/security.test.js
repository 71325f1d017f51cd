'use strict';
// What nobody may do: each test is one attempt, with as many rights as the attacker could have.

const assert = require('node:assert');
const { createHmac, randomBytes } = require('node:crypto');
const { test } = require('node:test');
const iothub = require('azure-iothub');
const {
  createDevice, deviceAuthority, environment, fresh, makeCertificate, partsOf, registry, rest, serviceToken, tokenFor,
} = require('./hub.js');
const { RawConnection, hubLogin, keyLogin, loggedIn } = require('./raw_mqtt.js');

const version = 'api-version=2021-04-12';
const owner = partsOf(environment.IOTHUB_CONNECTION_STRING);
const dpsOwner = partsOf(environment.DPS_CONNECTION_STRING);
const derivedKey = (id, groupKey = environment.GROUP_KEY) =>
  createHmac('sha256', Buffer.from(groupKey, 'base64')).update(id).digest('base64');

async function isUntouched(deviceId) {
  const twin = (await registry.getTwin(deviceId)).responseBody;
  assert.strictEqual(twin.properties.reported.$version, 1);
  assert.strictEqual(twin.connectionState, 'Disconnected');
}

// ---- A device that is logged in ----

const forbiddenTopics = (victim) => [
  `devices/${victim}/messages/events/`,
  `devices/${victim}/modules/m/messages/events/`,
  `$iothub/twin/PATCH/properties/desired/?$rid=1`,
  `$iothub/twin/PUT/?$rid=1`,
  `$iothub/twin/GET/${victim}/?$rid=1`,
  `$iothub/twin/PATCH/properties/reported/${victim}?$rid=1`,
  `$iothub/twin/res/200/?$rid=1`,
  `$iothub/methods/POST/reboot/?$rid=1`,
  `devices/${victim}/messages/devicebound/`,
  `$dps/registrations/PUT/iotdps-register/?$rid=1`,
  `$SYS/broker`,
  `any/topic`,
];

test('publishing to a foreign topic closes the connection and changes nothing', async () => {
  const victim = await createDevice('victim');
  const attacker = await createDevice('attacker');
  for (const topic of forbiddenTopics(victim.deviceId)) {
    const connection = await loggedIn(attacker);
    assert.strictEqual(await connection.publish(topic, '{"hacked":true}'), null, topic);
    await connection.closed;
  }
  await isUntouched(victim.deviceId);
});

test('subscribing to a foreign filter closes the connection', async () => {
  const victim = await createDevice('victim');
  const attacker = await createDevice('attacker');
  for (const filter of [
    '#', '+/+', '$iothub/#', '$iothub/twin/#', 'devices/#', `devices/${victim.deviceId}/messages/devicebound/#`,
    `devices/${victim.deviceId}/messages/events/#`, 'devices/+/messages/devicebound/#', '$dps/registrations/res/#', '$SYS/#',
  ]) {
    const connection = await loggedIn(attacker);
    assert.strictEqual(await connection.subscribe(filter), null, filter);
    await connection.closed;
  }
});

test('a device hears only of its own twin', async () => {
  const victim = await createDevice('victim');
  const attacker = await createDevice('attacker');
  const connection = await loggedIn(attacker);
  await connection.subscribe('$iothub/twin/PATCH/properties/desired/#');
  await connection.subscribe('$iothub/twin/res/#');
  await registry.updateTwin(victim.deviceId, { properties: { desired: { secret: 1 } } }, '*');
  await registry.updateTwin(attacker.deviceId, { properties: { desired: { own: 1 } } }, '*');
  const patch = await connection.next();
  assert.deepStrictEqual(JSON.parse(patch.payload), { own: 1, $version: 2 });
  await connection.publish('$iothub/twin/PATCH/properties/reported/?$rid=1', `{"deviceId":"${victim.deviceId}","a":1}`);
  connection.end();
  assert.strictEqual((await registry.getTwin(victim.deviceId)).responseBody.properties.reported.$version, 1);
});

test('quality of service 2, MQTT 5 and a first packet that is not CONNECT close the connection', async () => {
  const device = await createDevice();
  const two = await loggedIn(device);
  two.publish(`devices/${device.deviceId}/messages/events/`, '1', 2);
  await two.closed;
  const five = new RawConnection();
  const answer = await five.connect({ ...keyLogin(device), protocolVersion: 5, properties: {} });
  assert.notStrictEqual(answer?.returnCode, 0);
  await five.closed;
  const first = new RawConnection();
  first.publish(`devices/${device.deviceId}/messages/events/`, '1');
  await first.closed;
});

test('nothing older than TLS 1.2 is spoken', async () => {
  for (const port of [443, 8883]) {
    const old = { port, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT:@SECLEVEL=0' };
    const connection = new RawConnection(old);
    await connection.closed;
    // The hub's own alert, not a refusal of this program.
    assert.strictEqual(connection.error?.code, 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION');
  }
});

// ---- A device that wants to be another one ----

async function refused(login, options) {
  const connection = new RawConnection(options);
  const answer = await connection.connect(login);
  assert.ok(answer === null || (answer.cmd === 'connack' && answer.returnCode !== 0), JSON.stringify(login));
  await connection.closed;
}

test("no device logs in as another with what it has", async () => {
  const victim = await createDevice('victim');
  const attacker = await createDevice('attacker');
  const resource = (id) => `${environment.HUB_HOST}/devices/${id}`;
  const own = tokenFor(resource(attacker.deviceId), attacker.key);
  await refused(hubLogin(victim.deviceId, own));
  await refused({ ...hubLogin(attacker.deviceId, own), clientId: victim.deviceId });
  await refused({ ...hubLogin(victim.deviceId, own), clientId: attacker.deviceId });
  await refused(hubLogin(victim.deviceId, tokenFor(resource(victim.deviceId), attacker.key)));
  await refused(hubLogin(victim.deviceId, tokenFor(environment.HUB_HOST, attacker.key)));
  await refused(hubLogin(victim.deviceId, tokenFor(`${environment.HUB_HOST}/devices`, attacker.key)));
  // A prefix of an id is not a prefix of the resource.
  const longer = { deviceId: `${attacker.deviceId}1` };
  await registry.create(longer);
  await refused(hubLogin(longer.deviceId, own));
  await refused(hubLogin(victim.deviceId));
  await refused(hubLogin(victim.deviceId, ''));
  await refused(hubLogin(attacker.deviceId, own, { host: 'other.azure-devices.net' }));
  await isUntouched(victim.deviceId);
});

test('no certificate logs in as a device that it does not name', async () => {
  const deviceId = fresh('victim');
  await registry.create({ deviceId, authentication: { type: 'certificateAuthority' } });
  const keyed = await createDevice('keyed');
  const authority = deviceAuthority();
  const stranger = makeCertificate('stranger', { authority: true });
  for (const certificate of [
    makeCertificate(`${deviceId}x`, { issuer: authority }), makeCertificate(deviceId, { issuer: stranger }),
    makeCertificate(deviceId), authority,
  ]) {
    await refused(hubLogin(deviceId), { cert: certificate.cert, key: certificate.key });
  }
  const named = makeCertificate(keyed.deviceId, { issuer: authority });
  await refused(hubLogin(keyed.deviceId), { cert: named.cert, key: named.key });
  // A device with a certificate signs no authorities.
  const own = makeCertificate('own', { issuer: authority });
  const forged = makeCertificate(deviceId, { issuer: own });
  await refused(hubLogin(deviceId), { cert: forged.cert + own.cert, key: forged.key });
});

// ---- Policies ----

test('no token of the service that is wrong in any part opens anything', async () => {
  const { deviceId } = await createDevice();
  const unknown = tokenFor(environment.HUB_HOST, owner.SharedAccessKey, { policy: 'nobody' });
  const asDevice = tokenFor(environment.HUB_HOST, owner.SharedAccessKey);
  const misnamed = tokenFor(environment.HUB_HOST, owner.SharedAccessKey, { policy: 'service' });
  const wrongKey = tokenFor(environment.HUB_HOST, randomBytes(32).toString('base64'), { policy: 'iothubowner' });
  const expired = tokenFor(environment.HUB_HOST, owner.SharedAccessKey, { policy: 'iothubowner', seconds: -400 });
  const elsewhere = tokenFor('other.azure-devices.net', owner.SharedAccessKey, { policy: 'iothubowner' });
  const narrow = tokenFor(`${environment.HUB_HOST}/devices/other`, owner.SharedAccessKey, { policy: 'iothubowner' });
  for (const authorization of [
    unknown, asDevice, misnamed, wrongKey, expired, elsewhere, narrow, '', 'Bearer x', 'SharedAccessSignature sr=&sig=&se=1',
  ]) {
    for (const [method, target, body] of [
      ['GET', `/devices/${deviceId}`], ['PATCH', `/twins/${deviceId}`, { tags: { hacked: 1 } }],
      ['DELETE', `/devices/${deviceId}`], ['POST', '/devices/query', { query: 'SELECT * FROM devices' }],
      ['GET', '/configurations'], ['GET', '/statistics/devices'],
    ]) {
      const answer = await rest(method, `${target}?${version}`, { body, authorization });
      assert.strictEqual(answer.status, 401, `${method} ${target} with ${authorization}`);
      assert.strictEqual(answer.headers['iothub-errorcode'], 'IotHubUnauthorizedAccess');
      assert.ok(!JSON.stringify(answer.body).includes(owner.SharedAccessKey));
    }
  }
  assert.deepStrictEqual((await registry.getTwin(deviceId)).responseBody.tags, {});
});

test('a policy of the hub can do what it was given and nothing else', async () => {
  const device = await createDevice();
  const { deviceId } = device;
  const calls = {
    registryRead: [['GET', `/devices/${deviceId}`], ['GET', '/devices'], ['GET', '/statistics/devices']],
    registryWrite: [['PUT', `/devices/${fresh('made')}`, {}], ['DELETE', `/devices/${fresh('none')}`]],
    service: [
      ['GET', `/twins/${deviceId}`], ['PATCH', `/twins/${deviceId}`, { tags: { a: 1 } }],
      ['PUT', `/twins/${deviceId}`, { tags: { a: 1 } }], ['POST', '/devices/query', { query: 'SELECT * FROM devices' }],
      ['POST', `/twins/${deviceId}/methods`, { methodName: 'x' }],
    ],
  };
  const rights = {
    iothubowner: ['registryRead', 'registryWrite', 'service'], registryReadWrite: ['registryRead', 'registryWrite'],
    registryRead: ['registryRead'], service: ['service'], device: [],
  };
  const keys = JSON.parse(environment.POLICY_KEYS);
  for (const [policy, granted] of Object.entries(rights)) {
    const authorization = tokenFor(environment.HUB_HOST, keys[policy], { policy });
    for (const [right, requests] of Object.entries(calls)) {
      for (const [method, target, body] of requests) {
        const { status } = await rest(method, `${target}?${version}`, { body, authorization });
        assert.strictEqual(status !== 401, granted.includes(right), `${policy}: ${method} ${target} gave ${status}`);
      }
    }
  }
  // The right to connect devices lets each of them in; the others let none in.
  for (const [policy, lets] of [['device', true], ['iothubowner', true], ['service', false], ['registryReadWrite', false]]) {
    const password = tokenFor(`${environment.HUB_HOST}/devices/${deviceId}`, keys[policy], { policy });
    const connection = new RawConnection();
    const answer = await connection.connect(hubLogin(deviceId, password));
    assert.strictEqual(answer.returnCode === 0, lets, policy);
    connection.end();
  }
});

test("a device's token opens no service", async () => {
  const device = await createDevice();
  for (const authorization of [
    tokenFor(`${environment.HUB_HOST}/devices/${device.deviceId}`, device.key),
    tokenFor(environment.HUB_HOST, device.key),
    tokenFor(environment.HUB_HOST, device.key, { policy: 'iothubowner' }),
    tokenFor(environment.HUB_HOST, device.key, { policy: device.deviceId }),
  ]) {
    for (const [method, target, body] of [
      ['GET', `/devices/${device.deviceId}`], ['GET', `/twins/${device.deviceId}`],
      ['PATCH', `/twins/${device.deviceId}`, { tags: { ring: 'canary' } }],
      ['PUT', `/devices/${device.deviceId}`, { deviceId: device.deviceId }],
    ]) {
      assert.strictEqual((await rest(method, `${target}?${version}`, { body, authorization })).status, 401);
    }
  }
});

test("the hub's policies open no DPS, and DPS's policies open no hub", async () => {
  const { deviceId } = await createDevice();
  const asDps = await rest('GET', `/devices/${deviceId}?${version}`, {
    authorization: serviceToken(environment.DPS_CONNECTION_STRING),
  });
  assert.strictEqual(asDps.status, 401);
  for (const [method, target] of [
    ['GET', `/enrollmentGroups/${environment.GROUP_ID}`], ['POST', `/enrollmentGroups/${environment.GROUP_ID}/attestationmechanism`],
    ['GET', `/registrations/${deviceId}`], ['DELETE', `/enrollmentGroups/${environment.GROUP_ID}`],
  ]) {
    assert.strictEqual((await rest(method, `${target}?api-version=2021-10-01`)).status, 401, target);
  }
  const misused = tokenFor(environment.HUB_HOST, owner.SharedAccessKey, { policy: 'provisioningserviceowner' });
  const answer = await rest('GET', `/enrollmentGroups/${environment.GROUP_ID}?api-version=2021-10-01`, { authorization: misused });
  assert.strictEqual(answer.status, 401);
  const client = iothub.Registry.fromConnectionString(
    `HostName=${environment.HUB_HOST};SharedAccessKeyName=provisioningserviceowner;SharedAccessKey=${dpsOwner.SharedAccessKey}`);
  await assert.rejects(client.get(deviceId), { name: 'UnauthorizedError' });
});

// ---- DPS ----

function dpsLogin(registrationId, password, { clientId = registrationId, idScope = environment.ID_SCOPE } = {}) {
  return {
    clientId,
    username: `${idScope}/registrations/${registrationId}/api-version=2019-03-31&ClientVersion=test`,
    ...(password === undefined ? {} : { password }),
  };
}

const dpsToken = (id, key, idScope = environment.ID_SCOPE) =>
  tokenFor(`${idScope}/registrations/${id}`, key, { policy: 'registration' });

test('no registration is made with the token of another', async () => {
  const [own, other] = [fresh('own'), fresh('other')];
  const token = dpsToken(own, derivedKey(own));
  await refused(dpsLogin(other, token));
  await refused(dpsLogin(own, token, { clientId: other }));
  await refused(dpsLogin(other, token, { clientId: own }));
  await refused(dpsLogin(other, dpsToken(other, derivedKey(own))));
  await refused(dpsLogin(other, dpsToken(other, environment.GROUP_KEY)));
  await refused(dpsLogin(own, token, { idScope: '0ne00000000' }));
  await refused(dpsLogin(own));
  await refused(dpsLogin(own, tokenFor(environment.HUB_HOST, owner.SharedAccessKey, { policy: 'iothubowner' })));
  await assert.rejects(registry.get(other), { name: 'DeviceNotFoundError' });
});

test('a connection with DPS registers itself only and reaches no topic of the hub', async () => {
  const [own, other] = [fresh('own'), fresh('other')];
  const login = dpsLogin(own, dpsToken(own, derivedKey(own)));
  const registers = new RawConnection();
  assert.strictEqual((await registers.connect(login)).returnCode, 0);
  await registers.subscribe('$dps/registrations/res/#', 1);
  registers.send({
    cmd: 'publish', topic: '$dps/registrations/PUT/iotdps-register/?$rid=1', qos: 0, dup: false, retain: false,
    payload: JSON.stringify({ registrationId: other }),
  });
  const packet = await registers.next();
  assert.match(packet.topic, /^\$dps\/registrations\/res\/400\//);
  registers.end();
  for (const topic of ['$iothub/twin/GET/?$rid=1', `devices/${own}/messages/events/`]) {
    const connection = new RawConnection();
    assert.strictEqual((await connection.connect(login)).returnCode, 0);
    assert.strictEqual(await connection.publish(topic), null, topic);
    await connection.closed;
  }
  await assert.rejects(registry.get(other), { name: 'DeviceNotFoundError' });
});

test("a device of the hub cannot use its key at DPS, and a group's key opens no device", async () => {
  const device = await createDevice();
  await refused(dpsLogin(device.deviceId, dpsToken(device.deviceId, device.key)));
  await refused(hubLogin(device.deviceId,
    tokenFor(`${environment.HUB_HOST}/devices/${device.deviceId}`, environment.GROUP_KEY)));
  await refused(hubLogin(device.deviceId,
    tokenFor(`${environment.HUB_HOST}/devices/${device.deviceId}`, derivedKey(device.deviceId))));
});
