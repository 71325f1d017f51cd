'use strict';
// The listener without TLS: blobs with Microsoft's @azure/storage-blob, health and metrics; nothing of IoT Hub.
// hub arguments: --http-port 0 --http-listen 0.0.0.0

const assert = require('node:assert');
const { test } = require('node:test');
const { BlobServiceClient } = require('@azure/storage-blob');
const { environment, fresh, partsOf, rest, serviceToken } = require('./hub.js');

const endpoint = new URL(partsOf(environment.STORAGE_CONNECTION_STRING).BlobEndpoint);

async function get(path, headers = {}) {
  const answer = await fetch(new URL(path, endpoint), { headers });
  return { status: answer.status, headers: answer.headers, body: await answer.text() };
}

test('the profile leads to blobs without TLS, and they come back as they went', async () => {
  assert.strictEqual(endpoint.protocol, 'http:');
  const service = BlobServiceClient.fromConnectionString(environment.STORAGE_CONNECTION_STRING);
  const container = service.getContainerClient(fresh('container'));
  await container.create();
  const content = Buffer.alloc(3 * 1024 * 1024, 'firmware');
  await container.getBlockBlobClient('app.bin').uploadData(content, { blockSize: 1024 * 1024, maxSingleShotSize: 1 });
  assert.ok((await container.getBlobClient('app.bin').downloadToBuffer()).equals(content));
});

test('health and metrics', async () => {
  assert.deepStrictEqual(((answer) => [answer.status, answer.body])(await get('/healthz')), [200, 'ok\n']);
  await rest('GET', '/devices/none?api-version=2021-04-12');
  const metrics = await get('/metrics');
  assert.match(metrics.headers.get('content-type'), /^text\/plain; version=0\.0\.4/);
  assert.match(metrics.body, /^mcu_ota_hub_http_requests_total\{route="devices",status="404"\} 1$/m);
  assert.match(metrics.body, /^mcu_ota_hub_blob_bytes_total\{direction="in"\} 3\d{6}$/m);
  for (const secret of [environment.GROUP_KEY, partsOf(environment.IOTHUB_CONNECTION_STRING).SharedAccessKey]) {
    assert.ok(!metrics.body.includes(secret));
  }
});

test('no request of IoT Hub or DPS is taken without TLS', async () => {
  for (const path of ['/devices/d', '/twins/d', '/enrollmentGroups/g', '/$iothub/websocket']) {
    assert.strictEqual((await get(`${path}?api-version=2021-04-12`, { authorization: serviceToken() })).status, 403);
  }
});
