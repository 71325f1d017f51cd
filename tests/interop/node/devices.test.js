'use strict';
// Devices over MQTT with Microsoft's azure-iot-device: login, telemetry, twins, the life of a connection.

const assert = require('node:assert');
const { X509Certificate } = require('node:crypto');
const { test } = require('node:test');
const { NoRetry } = require('azure-iot-common');
const { Client, Message, SharedAccessKeyAuthenticationProvider } = require('azure-iot-device');
const { Mqtt } = require('azure-iot-device-mqtt');
const {
  ca, createDevice, deviceAuthority, environment, fresh, makeCertificate, once, registry, tokenFor, until,
} = require('./hub.js');
const { RawConnection, keyLogin } = require('./raw_mqtt.js');

async function connect(device, options = {}) {
  const client = Client.fromConnectionString(device.connectionString, Mqtt);
  client.setRetryPolicy(new NoRetry());
  await client.setOptions({ ca, ...options });
  await client.open();
  return client;
}

function report(twin, patch) {
  return new Promise((resolve, reject) => {
    twin.properties.reported.update(patch, (error) => (error ? reject(error) : resolve()));
  });
}

async function serviceTwin(deviceId) {
  return (await registry.getTwin(deviceId)).responseBody;
}

function refusesLogin(client) {
  client.setRetryPolicy(new NoRetry());
  return assert.rejects(client.open(), { name: 'UnauthorizedError' });
}

// ---- Telemetry ----

test('a device connects with its key and sends telemetry', async () => {
  const client = await connect(await createDevice());
  const sent = await client.sendEvent(new Message('{"temperature":21}'));
  assert.strictEqual(sent.constructor.name, 'MessageEnqueued');
  await client.close();
});

test('telemetry carries properties, system properties and content type', async () => {
  const client = await connect(await createDevice());
  const message = new Message(JSON.stringify({ temperature: 21 }));
  message.messageId = 'm/1';
  message.correlationId = 'c 1';
  message.userId = 'ü';
  message.contentType = 'application/json';
  message.contentEncoding = 'utf-8';
  message.properties.add('room', 'kitchen & hall = 2/3');
  message.properties.add('empty', '');
  await client.sendEvent(message);
  await client.sendEvent(new Message(Buffer.from([0, 255])));
  await client.sendEvent(new Message(''));
  await client.close();
});

test('connection state and last activity are seen in the registry', async () => {
  const device = await createDevice();
  assert.strictEqual((await registry.get(device.deviceId)).responseBody.connectionState, 'Disconnected');
  const client = await connect(device);
  await client.sendEvent(new Message('1'));
  const connected = (await registry.get(device.deviceId)).responseBody;
  assert.strictEqual(connected.connectionState, 'Connected');
  assert.notStrictEqual(connected.lastActivityTime.slice(0, 4), '0001');
  await client.close();
  await until(() => registry.get(device.deviceId),
    ({ responseBody }) => responseBody.connectionState === 'Disconnected');
});

test('the model that a device announces is seen in its twin', async () => {
  const device = await createDevice();
  const client = await connect(device, { modelId: 'dtmi:example:thermostat;1' });
  assert.strictEqual((await serviceTwin(device.deviceId)).modelId, 'dtmi:example:thermostat;1');
  await client.close();
});

// ---- Twins ----

test('a device reads its twin without tags', async () => {
  const device = await createDevice();
  await registry.updateTwin(device.deviceId, { tags: { site: 'x' }, properties: { desired: { rate: 5 } } }, '*');
  const client = await connect(device);
  const twin = await client.getTwin();
  assert.strictEqual(twin.properties.desired.rate, 5);
  assert.strictEqual(twin.properties.desired.$version, 2);
  assert.strictEqual(twin.properties.reported.$version, 1);
  assert.strictEqual(twin.tags, undefined);
  await client.close();
});

test('reported properties merge: nested, null deletes, each update counts', async () => {
  const device = await createDevice();
  const client = await connect(device);
  const twin = await client.getTwin();
  await report(twin, { fw: { version: '1', parts: { a: 1, b: [1, { c: 2 }] } }, gone: true });
  await report(twin, { fw: { version: '2', parts: { a: null } }, gone: null });
  const seen = await serviceTwin(device.deviceId);
  const { $metadata: metadata, $version: version, ...reported } = seen.properties.reported;
  assert.deepStrictEqual(reported, { fw: { version: '2', parts: { b: [1, { c: 2 }] } } });
  assert.strictEqual(version, 3);
  assert.ok(metadata.fw.version.$lastUpdated);
  assert.strictEqual(metadata.gone, undefined);
  await client.close();
});

test('a reported patch that breaks the rules is refused and the connection stays', async () => {
  const device = await createDevice();
  const client = await connect(device);
  const twin = await client.getTwin();
  await assert.rejects(report(twin, { a: { b: [1, null] } }));
  await assert.rejects(report(twin, { large: 'x'.repeat(4097) }));
  await report(twin, { a: 1 });
  assert.strictEqual((await serviceTwin(device.deviceId)).properties.reported.$version, 2);
  await client.close();
});

test('desired properties arrive as patches with their version', async () => {
  const device = await createDevice();
  const client = await connect(device);
  const twin = await client.getTwin();
  const deltas = [];
  const third = new Promise((resolve) => {
    twin.on('properties.desired', (delta) => {
      deltas.push(delta);
      if (delta.$version === 3) resolve();
    });
  });
  await registry.updateTwin(device.deviceId, { properties: { desired: { fw: { v: '1', n: 1 } } } }, '*');
  await registry.updateTwin(device.deviceId, { properties: { desired: { fw: { n: null } } } }, '*');
  await third;
  assert.deepStrictEqual(deltas.slice(-2), [
    { fw: { v: '1', n: 1 }, $version: 2 }, { fw: { n: null }, $version: 3 }]);
  assert.deepStrictEqual(twin.properties.desired.fw, { v: '1' });
  await client.close();
});

test('a change of tags tells the device nothing', async () => {
  const device = await createDevice();
  const client = await connect(device);
  const twin = await client.getTwin();
  const deltas = [];
  twin.on('properties.desired', (delta) => deltas.push(delta.$version));
  await registry.updateTwin(device.deviceId, { tags: { ring: 'canary' } }, '*');
  await registry.updateTwin(device.deviceId, { properties: { desired: { a: 1 } } }, '*');
  await until(() => report(twin, { seen: deltas.length }), () => deltas.includes(2));
  assert.deepStrictEqual(deltas.filter((version) => version > 1), [2]);
  await client.close();
});

// ---- The life of a connection ----

test('a token is renewed by a new connection, and the old one ends with its token', async () => {
  const device = await createDevice();
  const provider = SharedAccessKeyAuthenticationProvider.fromConnectionString(device.connectionString, 4, 3);
  const client = Client.fromAuthenticationProvider(provider, Mqtt);
  await client.setOptions({ ca });
  await client.open();
  const twin = await client.getTwin();
  for (let renewals = 0; renewals < 6; renewals += 1) await once(provider, 'newTokenAvailable');
  await client.sendEvent(new Message('after the first token has expired'));
  const told = new Promise((resolve) => { twin.on('properties.desired.late', resolve); });
  await registry.updateTwin(device.deviceId, { properties: { desired: { late: 1 } } }, '*');
  assert.strictEqual(await told, 1);
  await client.close();
});

test('a connection ends when its token expires', async () => {
  const device = await createDevice();
  const token = tokenFor(`${environment.HUB_HOST}/devices/${device.deviceId}`, device.key, { seconds: 2 });
  const client = Client.fromSharedAccessSignature(token, Mqtt);
  client.setRetryPolicy(new NoRetry());
  await client.setOptions({ ca });
  await client.open();
  await once(client, 'disconnect');
});

test('pings keep a silent connection', async () => {
  const client = await connect(await createDevice(), { keepalive: 1 });
  const socket = client._transport._mqtt._mqttClient;
  for (let pings = 0; pings < 3;) {
    const packet = await once(socket, 'packetreceive');
    if (packet.cmd === 'pingresp') pings += 1;
  }
  await client.sendEvent(new Message('still here'));
  await client.close();
});

test('a connection without pings is closed after one and a half times the keep-alive', async () => {
  const device = await createDevice();
  const connection = new RawConnection();
  const begin = Date.now();
  assert.strictEqual((await connection.connect({ ...keyLogin(device), keepalive: 1 })).returnCode, 0);
  await connection.closed;
  const seconds = (Date.now() - begin) / 1000;
  assert.ok(seconds > 1.4 && seconds < 5, `closed after ${seconds} s`);
});

test('a second connection takes over and the first one is closed', async () => {
  const device = await createDevice();
  const first = await connect(device);
  const closed = once(first, 'disconnect');
  const second = await connect(device);
  await closed;
  await second.sendEvent(new Message('mine'));
  assert.strictEqual((await registry.get(device.deviceId)).responseBody.connectionState, 'Connected');
  await second.close();
});

test('a device that is disabled is disconnected and stays out until it is enabled', async () => {
  const device = await createDevice();
  const client = await connect(device);
  const closed = once(client, 'disconnect');
  await registry.update({ deviceId: device.deviceId, status: 'disabled', statusReason: 'stolen' });
  await closed;
  await refusesLogin(Client.fromConnectionString(device.connectionString, Mqtt));
  await registry.update({ deviceId: device.deviceId, status: 'enabled' });
  await (await connect(device)).close();
});

test('a device that is deleted is disconnected and stays out', async () => {
  const device = await createDevice();
  const client = await connect(device);
  const closed = once(client, 'disconnect');
  await registry.delete(device.deviceId);
  await closed;
  await refusesLogin(Client.fromConnectionString(device.connectionString, Mqtt));
});

// ---- Refused logins ----

test('a wrong key is refused', async () => {
  const device = await createDevice();
  const other = await createDevice();
  await refusesLogin(Client.fromConnectionString(
    device.connectionString.replace(device.key, other.key), Mqtt));
});

test('an expired token is refused', async () => {
  const device = await createDevice();
  const resource = `${environment.HUB_HOST}/devices/${device.deviceId}`;
  const client = Client.fromSharedAccessSignature(tokenFor(resource, device.key, { seconds: -400 }), Mqtt);
  await refusesLogin(client);
});

test('the name of another hub is refused', async () => {
  const device = await createDevice();
  const elsewhere = device.connectionString.replace(
    `HostName=${environment.HUB_HOST}`, `HostName=other.azure-devices.net;GatewayHostName=${environment.HUB_HOST}`);
  await refusesLogin(Client.fromConnectionString(elsewhere, Mqtt));
});

test('a host that the certificate does not name is not trusted', { skip: !environment.HUB_WRONG_HOST }, async () => {
  const device = await createDevice();
  const client = Client.fromConnectionString(
    device.connectionString.replace(environment.HUB_HOST, environment.HUB_WRONG_HOST), Mqtt);
  client.setRetryPolicy(new NoRetry());
  await client.setOptions({ ca });
  await assert.rejects(client.open());
});

// ---- X.509 ----

function thumbprint(certificate, property) {
  return new X509Certificate(certificate.cert)[property].replaceAll(':', '');
}

async function createSelfSigned(primaryThumbprint, secondaryThumbprint = null) {
  return createDevice('x509', {
    authentication: { type: 'selfSigned', x509Thumbprint: { primaryThumbprint, secondaryThumbprint } },
  });
}

function x509Client(deviceId, { cert, key }) {
  const client = Client.fromConnectionString(`HostName=${environment.HUB_HOST};DeviceId=${deviceId};x509=true`, Mqtt);
  client.setRetryPolicy(new NoRetry());
  return { client, options: { ca, cert, key } };
}

async function x509Connects(deviceId, certificate) {
  const { client, options } = x509Client(deviceId, certificate);
  await client.setOptions(options);
  await client.open();
  await client.sendEvent(new Message('1'));
  const twin = await client.getTwin();
  await report(twin, { by: 'certificate' });
  await client.close();
}

async function x509Refused(deviceId, certificate) {
  const { client, options } = x509Client(deviceId, certificate);
  await client.setOptions(options);
  await refusesLogin(client);
}

test('a self-signed certificate logs in by its SHA-256 or SHA-1 thumbprint', async () => {
  const certificate = makeCertificate('any name');
  const other = makeCertificate('any name');
  for (const property of ['fingerprint256', 'fingerprint']) {
    const { deviceId } = await createSelfSigned(thumbprint(certificate, property).toLowerCase());
    await x509Connects(deviceId, certificate);
    await x509Refused(deviceId, other);
  }
  const { deviceId } = await createSelfSigned(
    thumbprint(other, 'fingerprint256'), thumbprint(certificate, 'fingerprint256'));
  await x509Connects(deviceId, certificate);
});

test('a certificate that the authority signed logs in as its common name', async () => {
  const { deviceId } = await createDevice('ca', { authentication: { type: 'certificateAuthority' } });
  await x509Connects(deviceId, makeCertificate(deviceId, { issuer: deviceAuthority() }));
  assert.strictEqual((await serviceTwin(deviceId)).authenticationType, 'certificateAuthority');
});

test('a chain with an intermediate certificate logs in', async () => {
  const { deviceId } = await createDevice('ca', { authentication: { type: 'certificateAuthority' } });
  const intermediate = makeCertificate(fresh('factory'), { issuer: deviceAuthority(), authority: true });
  const leaf = makeCertificate(deviceId, { issuer: intermediate });
  await x509Connects(deviceId, { cert: leaf.cert + intermediate.cert, key: leaf.key });
  await x509Refused(deviceId, leaf);  // without its chain
});

test('certificates of another name or another authority are refused', async () => {
  const { deviceId } = await createDevice('ca', { authentication: { type: 'certificateAuthority' } });
  await x509Refused(deviceId, makeCertificate(`${deviceId}-other`, { issuer: deviceAuthority() }));
  const stranger = makeCertificate('stranger', { authority: true });
  await x509Refused(deviceId, makeCertificate(deviceId, { issuer: stranger }));
  await x509Refused(deviceId, makeCertificate(deviceId));
  const keyed = await createDevice();
  await x509Refused(keyed.deviceId, makeCertificate(keyed.deviceId, { issuer: deviceAuthority() }));
});
