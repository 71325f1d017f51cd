'use strict';
// Direct methods: Microsoft's azure-iothub calls, azure-iot-device answers.

const assert = require('node:assert');
const { execFile } = require('node:child_process');
const { test } = require('node:test');
const { promisify } = require('node:util');
const iothub = require('azure-iothub');
const { Client } = require('azure-iot-device');
const { Mqtt } = require('azure-iot-device-mqtt');
const { ca, createDevice, environment, rest, serviceToken, tokenFor } = require('./hub.js');

const service = iothub.Client.fromConnectionString(environment.IOTHUB_CONNECTION_STRING);

async function connect(device) {
  const client = Client.fromConnectionString(device.connectionString, Mqtt);
  await client.setOptions({ ca });
  await client.open();
  return client;
}

/// A client that answers `method`; resolves once the hub has taken the subscription.
async function listen(device, method, answer) {
  const client = await connect(device);
  client.onDeviceMethod(method, (request, response) => answer(request, response));
  await call(device, { methodName: method, payload: 'warm up', connectTimeoutInSeconds: 30 });
  return client;
}

async function call(device, parameters) {
  const { result } = await service.invokeDeviceMethod(device.deviceId, parameters);
  return result;
}

function echo(request, response) {
  response.send(207, { was: request.payload }, () => {});
}

test('a method reaches the device, and its answer the caller', async () => {
  const device = await createDevice();
  const client = await listen(device, 'echo', echo);
  for (const payload of [{ deep: [1, { x: null }] }, [1, 2], 'text', 3.5, true]) {
    assert.deepStrictEqual(await call(device, { methodName: 'echo', payload }), { status: 207, payload: { was: payload } });
  }
  await client.close();
});

test('an answer without payload is an answer', async () => {
  const device = await createDevice();
  const client = await listen(device, 'quiet', (request, response) => response.send(200, () => {}));
  const result = await call(device, { methodName: 'quiet' });
  assert.strictEqual(result.status, 200);
  assert.ok('payload' in result);
  await client.close();
});

/** The SDK reads only the status: of a method's failure the code is a number in a text of JSON, as in the cloud. */
function refusal(status, name, number) {
  return (error) => {
    assert.strictEqual(error.response.statusCode, status);
    assert.strictEqual(error.response.headers['iothub-errorcode'], name);
    assert.strictEqual(JSON.parse(JSON.parse(error.responseBody).Message).errorCode, number);
    return true;
  };
}

test('a device that is not there is not online', async () => {
  const device = await createDevice();
  await assert.rejects(call(device, { methodName: 'echo' }), refusal(404, 'DeviceNotOnline', 404103));
});

test('a device that nobody created is not found', async () => {
  await assert.rejects(call({ deviceId: 'nobody' }, { methodName: 'echo' }), refusal(404, 'DeviceNotFound', 404001));
});

test('a call waits for a device that connects in time', async () => {
  const device = await createDevice();
  const answered = call(device, { methodName: 'echo', payload: 1, connectTimeoutInSeconds: 60 });
  const client = await connect(device);
  client.onDeviceMethod('echo', echo);
  assert.deepStrictEqual(await answered, { status: 207, payload: { was: 1 } });
  await client.close();
});

test('a device that does not answer costs the caller its time-out', async () => {
  const device = await createDevice();
  const client = await listen(device, 'lazy', (request, response) => {
    if (request.payload === 'warm up') response.send(200, () => {});
  });
  const began = Date.now();
  await assert.rejects(call(device, { methodName: 'lazy', responseTimeoutInSeconds: 5 }), { name: 'GatewayTimeoutError' });
  assert.ok(Date.now() - began >= 5000);
  await client.close();
});

test('several calls to one device do not mix up their answers', async () => {
  const device = await createDevice();
  const client = await listen(device, 'echo', echo);
  const numbers = Array.from({ length: 20 }, (_, i) => i + 1);
  const results = await Promise.all(numbers.map((payload) => call(device, { methodName: 'echo', payload })));
  assert.deepStrictEqual(results.map((result) => result.payload.was), numbers);
  await client.close();
});

test('mcu-ota device call prints what the device answers', async () => {
  const device = await createDevice();
  const client = await listen(device, 'echo', echo);
  const words = ['device', 'call', device.deviceId, 'echo', '{"in":5}', '--profile', environment.MCU_OTA_PROFILE];
  const { stdout } = await promisify(execFile)(environment.MCU_OTA, words);
  const answer = JSON.parse(stdout);
  assert.strictEqual(answer.status, 207);
  assert.deepStrictEqual(answer.payload, { was: { in: 5 } });
  await client.close();
});

test('a caller needs the right to connect as a service', async () => {
  const device = await createDevice();
  const target = `/twins/${device.deviceId}/methods?api-version=2021-04-12`;
  const deviceToken = tokenFor(`${environment.HUB_HOST}/devices/${device.deviceId}`, device.key);
  const body = { methodName: 'echo' };
  assert.strictEqual((await rest('POST', target, { body, authorization: deviceToken })).status, 401);
  assert.strictEqual((await rest('POST', target, { body, authorization: serviceToken() })).status, 404);
});
