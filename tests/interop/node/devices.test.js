'use strict';
// Devices over MQTT with Microsoft's azure-iot-device.

const assert = require('node:assert');
const { test } = require('node:test');
const { Client, Message } = require('azure-iot-device');
const { Mqtt } = require('azure-iot-device-mqtt');
const { ca, createDevice } = require('./hub.js');

async function connect(device) {
  const client = Client.fromConnectionString(device.connectionString, Mqtt);
  await client.setOptions({ ca });
  await client.open();
  return client;
}

test('a device connects with its key and sends telemetry', async () => {
  const client = await connect(await createDevice());
  const sent = await client.sendEvent(new Message('{"temperature":21}'));
  assert.strictEqual(sent.constructor.name, 'MessageEnqueued');
  await client.close();
});
