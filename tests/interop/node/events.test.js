'use strict';
// What `mcu-ota hub events` shows of devices that use Microsoft's azure-iot-device.

const assert = require('node:assert');
const { spawn } = require('node:child_process');
const { test } = require('node:test');
const { Client, Message } = require('azure-iot-device');
const { Mqtt } = require('azure-iot-device-mqtt');
const { ca, createDevice, environment, registry, until } = require('./hub.js');

/// The first `count` events of a device, from the beginning of the hub.
function events(device, count, more = []) {
  const words = [
    'hub', 'events', '--profile', environment.MCU_OTA_PROFILE, '--from-start', '--device', device.deviceId,
    '--count', String(count), ...more,
  ];
  return new Promise((resolve, reject) => {
    const program = spawn(environment.MCU_OTA, words, { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    program.stdout.on('data', (piece) => { text += piece; });
    program.on('error', reject);
    program.on('close', (code) => {
      if (code !== 0) reject(new Error(`mcu-ota hub events ended with ${code}`));
      else resolve(text.trim().split('\n').map((line) => JSON.parse(line)));
    });
  });
}

async function connect(device) {
  const client = Client.fromConnectionString(device.connectionString, Mqtt);
  await client.setOptions({ ca });
  await client.open();
  return client;
}

test('telemetry is shown with its properties and where it came from', async () => {
  const device = await createDevice();
  const shown = events(device, 2, ['--type', 'telemetry']);
  const client = await connect(device);
  const message = new Message('{"temperature":21}');
  message.contentType = 'application/json';
  message.contentEncoding = 'utf-8';
  message.messageId = 'm 1';
  message.properties.add('color', 'dark red');
  await client.sendEvent(message);
  await client.sendEvent(new Message(Buffer.from([0xff, 0xfe])));
  const [first, second] = await shown;
  assert.deepStrictEqual(first.body, { temperature: 21 });
  assert.deepStrictEqual(first.properties, { color: 'dark red' });
  assert.strictEqual(first.systemProperties.messageId, 'm 1');
  assert.strictEqual(first.systemProperties.contentType, 'application/json');
  assert.strictEqual(first.systemProperties.connectionDeviceId, device.deviceId);
  assert.strictEqual(JSON.parse(first.systemProperties.connectionAuthMethod).type, 'sas');
  const { responseBody } = await registry.get(device.deviceId);
  assert.strictEqual(first.systemProperties.connectionDeviceGenerationId, responseBody.generationId);
  assert.strictEqual(second.bodyBase64, '//4=');
  await client.close();
});

test('the life of a device is shown', async () => {
  const device = await createDevice();
  const client = await connect(device);
  await registry.updateTwin(device.deviceId, { properties: { desired: { a: 1 } } }, '*');
  await client.close();
  const identity = () => registry.get(device.deviceId);
  await until(identity, ({ responseBody }) => responseBody.connectionState === 'Disconnected');
  await registry.delete(device.deviceId);
  const shown = await events(device, 5);
  assert.deepStrictEqual(shown.map((event) => [event.type, event.properties.opType]), [
    ['lifecycle', 'createDeviceIdentity'],
    ['connection', 'deviceConnected'],
    ['twin', 'updateTwin'],
    ['connection', 'deviceDisconnected'],
    ['lifecycle', 'deleteDeviceIdentity'],
  ]);
  assert.deepStrictEqual(shown[2].body, { properties: { desired: { a: 1, $version: 2 } } });
});
