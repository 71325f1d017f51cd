'use strict';
// hub arguments: --limits s1
// What Microsoft's SDKs make of a hub that throttles like the smallest paid edition.

const assert = require('node:assert');
const { test } = require('node:test');
const { Client, Message } = require('azure-iot-device');
const { Mqtt } = require('azure-iot-device-mqtt');
const { ca, createDevice, registry } = require('./hub.js');

test('a service that asks too much gets a ThrottlingError', async () => {
  const ask = () => registry.createQuery('SELECT deviceId FROM devices').next(null);
  const answers = await Promise.allSettled(Array.from({ length: 40 }, ask));
  const refused = answers.filter((answer) => answer.status === 'rejected');
  assert.ok(refused.length > 0 && refused.length <= 20, `${refused.length} of 40 were refused`);
  assert.strictEqual(refused[0].reason.name, 'ThrottlingError');
});

test('a device that reports too much is told so and stays connected', async () => {
  const device = await createDevice('limits');
  const client = Client.fromConnectionString(device.connectionString, Mqtt);
  await client.setOptions({ ca });
  await client.open();
  const twin = await client.getTwin();
  const report = (n) => new Promise((resolve) => { twin.properties.reported.update({ n }, resolve); });
  const errors = (await Promise.all(Array.from({ length: 150 }, (_, n) => report(n)))).filter(Boolean);
  assert.ok(errors.length > 0, 'nothing was refused');
  assert.ok(errors.length <= 100, `${errors.length} of 150 were refused`);
  assert.match(errors[0].message, /too many twin updates/);
  const sent = await client.sendEvent(new Message('still here'));
  assert.ok(sent);
  await client.close();
});
