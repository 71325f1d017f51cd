'use strict';
// Cloud-to-device messages: sent with plain HTTPS (Azure's own way is AMQP), received by Microsoft's azure-iot-device
// over MQTT and by azure-iot-device-http.

const assert = require('node:assert');
const { execFileSync } = require('node:child_process');
const { test } = require('node:test');
const { Client, Message } = require('azure-iot-device');
const { Http } = require('azure-iot-device-http');
const { Mqtt } = require('azure-iot-device-mqtt');
const { ca, createDevice, environment, once, registry, rest, tokenFor, until } = require('./hub.js');

const VERSION = 'api-version=2021-04-12';

async function connect(device) {
  const client = Client.fromConnectionString(device.connectionString, Mqtt);
  await client.setOptions({ ca });
  await client.open();
  return client;
}

/// The HTTPS transport trusts NODE_EXTRA_CA_CERTS.
async function connectOverHttps(device) {
  const client = Client.fromConnectionString(device.connectionString, Http);
  await client.open();
  return client;
}

async function send(device, body, headers = {}) {
  const answer = await rest('POST', `/devices/${device.deviceId}/messages/devicebound?${VERSION}`, { body, headers });
  assert.strictEqual(answer.status, 204, JSON.stringify(answer.body));
}

async function waiting(device) {
  return (await registry.getTwin(device.deviceId)).responseBody.cloudToDeviceMessageCount;
}

function textOf(message) {
  return JSON.parse(message.getData().toString());
}

test('a connected device receives a message with its properties and completes it', async () => {
  const device = await createDevice();
  const client = await connect(device);
  const received = once(client, 'message');
  await send(device, { led: true }, {
    'iothub-messageid': 'm/1', 'iothub-correlationid': 'c1', 'iothub-app-color': 'dark red & blue',
  });
  const message = await received;
  assert.deepStrictEqual(textOf(message), { led: true });
  assert.strictEqual(message.messageId, 'm/1');
  assert.strictEqual(message.correlationId, 'c1');
  assert.strictEqual(message.to, `/devices/${device.deviceId}/messages/deviceBound`);
  assert.strictEqual(message.properties.getValue('color'), 'dark red & blue');
  await client.complete(message);
  await until(() => waiting(device), (count) => count === 0);
  await client.close();
});

test('a device that was away receives its messages in order when it connects', async () => {
  const device = await createDevice();
  for (const number of [1, 2, 3]) await send(device, number);
  assert.strictEqual(await waiting(device), 3);
  const client = await connect(device);
  const numbers = [];
  await new Promise((resolve) => {
    client.on('message', (message) => {
      numbers.push(textOf(message));
      if (numbers.length === 3) resolve();
    });
  });
  assert.deepStrictEqual(numbers, [1, 2, 3]);
  await until(() => waiting(device), (count) => count === 0);
  await client.close();
});

test('mcu-ota device send reaches a device', async () => {
  const device = await createDevice();
  const words = [
    'device', 'send', device.deviceId, '"hello"', '--property', 'kind=demo test', '--expires', '5',
    '--profile', environment.MCU_OTA_PROFILE,
  ];
  execFileSync(environment.MCU_OTA, words);
  const client = await connect(device);
  const message = await once(client, 'message');
  assert.strictEqual(textOf(message), 'hello');
  assert.strictEqual(message.properties.getValue('kind'), 'demo test');
  await client.close();
});

test('a message is dropped at its expiry', async () => {
  const device = await createDevice();
  await send(device, 'late', { 'iothub-expiry': new Date(Date.now() + 1000).toISOString() });
  await until(() => waiting(device), (count) => count === 0);
});

test('the fifty-first message is refused, and the queue can be purged', async () => {
  const device = await createDevice();
  for (let number = 0; number < 50; number += 1) await send(device, number);
  const target = `/devices/${device.deviceId}`;
  const refused = await rest('POST', `${target}/messages/devicebound?${VERSION}`, { body: 'x' });
  assert.strictEqual(refused.status, 403);
  assert.strictEqual(refused.headers['iothub-errorcode'], 'DeviceMaximumQueueDepthExceeded');
  const purged = await rest('DELETE', `${target}/commands?${VERSION}`);
  assert.strictEqual(purged.body.totalMessagesPurged, 50);
  assert.strictEqual(await waiting(device), 0);
});

test('over HTTPS a device completes, rejects and abandons', async () => {
  const device = await createDevice();
  const client = await connectOverHttps(device);
  const transport = client._transport;
  await client.setOptions({ http: { receivePolicy: { manualPolling: true, drain: false } } });
  client.on('message', () => {});
  const fetch = () => {
    const received = once(transport, 'message');
    transport.receive();
    return received;
  };
  await send(device, 'first', { 'iothub-messageid': 'm1', 'iothub-app-color': 'red' });
  const first = await fetch();
  assert.strictEqual(textOf(first), 'first');
  assert.strictEqual(first.messageId, 'm1');
  await client.abandon(first);
  const again = await fetch();
  assert.strictEqual(textOf(again), 'first');
  assert.notStrictEqual(again.lockToken, first.lockToken);
  await client.complete(again);
  await send(device, 'second');
  await client.reject(await fetch());
  assert.strictEqual(await waiting(device), 0);
  await client.close();
});

test('over HTTPS a device sends telemetry, alone and in a batch', async () => {
  const client = await connectOverHttps(await createDevice());
  const message = new Message('{"temperature":21}');
  message.properties.add('color', 'red');
  await client.sendEvent(message);
  await client.sendEventBatch([message, new Message('2')]);
  await client.close();
});

test('a device cannot fetch the messages of another one', async () => {
  const [device, other] = [await createDevice(), await createDevice()];
  const authorization = tokenFor(`${environment.HUB_HOST}/devices/${other.deviceId}`, other.key);
  const target = `/devices/${device.deviceId}/messages/devicebound?${VERSION}`;
  assert.strictEqual((await rest('GET', target, { authorization })).status, 401);
  assert.strictEqual((await rest('POST', target, { body: 'x', authorization })).status, 401);
});
