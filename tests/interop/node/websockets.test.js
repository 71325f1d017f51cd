'use strict';
// Devices and DPS over MQTT in WebSockets on port 443, with Microsoft's MqttWs.

const assert = require('node:assert');
const { createHmac, X509Certificate } = require('node:crypto');
const { test } = require('node:test');
const tls = require('node:tls');
const { NoRetry } = require('azure-iot-common');
const { Client, Message } = require('azure-iot-device');
const { MqttWs } = require('azure-iot-device-mqtt');
const { ProvisioningDeviceClient } = require('azure-iot-provisioning-device');
const { MqttWs: ProvisioningMqttWs } = require('azure-iot-provisioning-device-mqtt');
const { SymmetricKeySecurityClient } = require('azure-iot-security-symmetric-key');
const { X509Security } = require('azure-iot-security-x509');
const { ca, createDevice, environment, fresh, makeCertificate, once, registry, rest, serviceToken } = require('./hub.js');

async function connect(connectionString, options = {}) {
  const client = Client.fromConnectionString(connectionString, MqttWs);
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

function register(security) {
  const client = ProvisioningDeviceClient.create(
    environment.DPS_HOST, environment.ID_SCOPE, new ProvisioningMqttWs(), security);
  return new Promise((resolve, reject) => {
    client.register((error, result) => (error ? reject(error) : resolve(result)));
  });
}

const derivedKey = (id) =>
  createHmac('sha256', Buffer.from(environment.GROUP_KEY, 'base64')).update(id).digest('base64');

test('telemetry and twins in both directions', async () => {
  const device = await createDevice();
  const client = await connect(device.connectionString);
  await client.sendEvent(new Message('x'.repeat(200000)));  // a frame with a length of 64 bits
  const twin = await client.getTwin();
  const notified = new Promise((resolve) => {
    twin.on('properties.desired', (desired) => { if (desired.rate) resolve(desired); });
  });
  // The SDK does not say when it has subscribed; the answer to what it sends afterwards does.
  await report(twin, { large: Object.fromEntries([...Array(6).keys()].map((n) => [`p${n}`, 'y'.repeat(3000)])) });
  await registry.updateTwin(device.deviceId, { properties: { desired: { rate: 7, text: 'z'.repeat(4000) } } }, '*');
  assert.strictEqual((await notified).rate, 7);
  const stored = (await registry.getTwin(device.deviceId)).responseBody;
  assert.strictEqual(stored.properties.reported.large.p5.length, 3000);
  assert.strictEqual(stored.connectionState, 'Connected');
  await client.close();
});

test('a wrong key is refused', async () => {
  const { connectionString } = await createDevice();
  const other = await createDevice();
  await assert.rejects(
    connect(connectionString.replace(/SharedAccessKey=.*/, `SharedAccessKey=${other.key}`)),
    (error) => error.name === 'UnauthorizedError');
});

test('a certificate in the TLS handshake logs in', async () => {
  const certificate = makeCertificate('any name');
  const primaryThumbprint = new X509Certificate(certificate.cert).fingerprint256.replaceAll(':', '');
  const { deviceId } = await createDevice('x509', {
    authentication: { type: 'selfSigned', x509Thumbprint: { primaryThumbprint, secondaryThumbprint: null } },
  });
  const connectionString = `HostName=${environment.HUB_HOST};DeviceId=${deviceId};x509=true`;
  const client = await connect(connectionString, { cert: certificate.cert, key: certificate.key });
  await client.sendEvent(new Message('1'));
  await client.close();
  const other = makeCertificate('any name');
  await assert.rejects(connect(connectionString, { cert: other.cert, key: other.key }));
});

test('a device that is disabled is closed', async () => {
  const device = await createDevice();
  const client = await connect(device.connectionString);
  const closed = once(client, 'disconnect');
  const description = (await registry.get(device.deviceId)).responseBody;
  await registry.update({ ...description, status: 'disabled' });
  await closed;
});

test('a device registers with DPS and connects to the hub it is told', async () => {
  const id = fresh('member');
  const result = await register(new SymmetricKeySecurityClient(id, derivedKey(id)));
  assert.strictEqual(result.status, 'assigned');
  const client = await connect(
    `HostName=${result.assignedHub};DeviceId=${result.deviceId};SharedAccessKey=${derivedKey(id)}`);
  await client.close();
});

test('a device registers with DPS by its certificate', async () => {
  const id = fresh('cert');
  const certificate = makeCertificate(id);
  const made = await rest('PUT', `/enrollments/${id}?api-version=2021-10-01`, {
    body: {
      registrationId: id,
      attestation: { type: 'x509', x509: { clientCertificates: { primary: { certificate: certificate.cert } } } },
    },
    authorization: serviceToken(environment.DPS_CONNECTION_STRING),
  });
  assert.strictEqual(made.status, 200, JSON.stringify(made.body));
  const result = await register(new X509Security(id, certificate));
  assert.strictEqual(result.status, 'assigned');
});

/// The status line and header fields that the hub answers to a request on the wire.
function answerTo(lines) {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ host: environment.HUB_HOST, port: 443, ca }, () => {
      socket.write([...lines, '', ''].join('\r\n'));
    });
    let text = '';
    socket.on('data', (piece) => {
      text += piece.toString('latin1');
      if (text.includes('\r\n\r\n')) { socket.destroy(); resolve(text); }
    });
    socket.on('error', reject);
  });
}

test('the handshake takes a query and an encoded path, and wants the sub-protocol mqtt', async () => {
  const handshake = (path, protocol) => answerTo([
    `GET ${path} HTTP/1.1`, `Host: ${environment.HUB_HOST}`, 'Upgrade: websocket', 'Connection: Upgrade',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Version: 13', `Sec-WebSocket-Protocol: ${protocol}`]);
  // The last one is what Paho, and with it Java's SDK for DPS, asks for.
  for (const path of ['/$iothub/websocket?iothub-no-client-cert=true', '/%24iothub/websocket', '/mqtt']) {
    assert.match(await handshake(path, 'mqtt'), /^HTTP\/1\.1 101 .*\r\nSec-WebSocket-Protocol: mqtt\r\n/s);
  }
  assert.match(await handshake('/$iothub/websocket', 'AMQPWSB10'), /^HTTP\/1\.1 400 /);
  const plain = await answerTo(['GET /$iothub/websocket HTTP/1.1', `Host: ${environment.HUB_HOST}`]);
  assert.match(plain, /^HTTP\/1\.1 426 /);
});
