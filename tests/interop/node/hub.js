'use strict';
// What the interop tests in Node share: the hub that run.py started, devices, plain HTTPS requests.

const { execFileSync } = require('node:child_process');
const { createHmac, randomBytes } = require('node:crypto');
const { readFileSync } = require('node:fs');
const https = require('node:https');
const path = require('node:path');
const iothub = require('azure-iothub');

const environment = process.env;
const ca = readFileSync(environment.HUB_CA, 'utf8');
const registry = iothub.Registry.fromConnectionString(environment.IOTHUB_CONNECTION_STRING);
let numbers = 0;

/// A name that no other test of this hub uses.
function fresh(name) {
  numbers += 1;
  return `${name}-${process.pid}-${numbers}`;
}

function partsOf(connectionString) {
  return Object.fromEntries(connectionString.split(';').map((pair) => {
    const at = pair.indexOf('=');
    return [pair.slice(0, at), pair.slice(at + 1)];
  }));
}

/// A SAS token; the resource is used as it is given.
function tokenFor(resource, key, { policy, seconds = 3600 } = {}) {
  const uri = encodeURIComponent(resource);
  const expiry = Math.floor(Date.now() / 1000) + seconds;
  const signature = createHmac('sha256', Buffer.from(key, 'base64')).update(`${uri}\n${expiry}`).digest('base64');
  const token = `SharedAccessSignature sr=${uri}&sig=${encodeURIComponent(signature)}&se=${expiry}`;
  return policy ? `${token}&skn=${policy}` : token;
}

function serviceToken(connectionString = environment.IOTHUB_CONNECTION_STRING) {
  const parts = partsOf(connectionString);
  return tokenFor(parts.HostName, parts.SharedAccessKey, { policy: parts.SharedAccessKeyName });
}

/// One HTTPS request to the hub with the service's token, or with other headers.
function rest(method, target, { body, headers = {}, authorization = serviceToken() } = {}) {
  return new Promise((resolve, reject) => {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const all = { ...(authorization ? { authorization } : {}), ...headers };
    if (text !== undefined) {
      all['content-type'] = 'application/json';
      all['content-length'] = Buffer.byteLength(text);
    }
    const request = https.request(
      { host: environment.HUB_HOST, port: 443, method, path: target, headers: all, ca },
      (answer) => {
        const pieces = [];
        answer.on('data', (piece) => pieces.push(piece));
        answer.on('end', () => {
          const content = Buffer.concat(pieces).toString();
          const json = /json/.test(answer.headers['content-type'] || '') && content !== '';
          resolve({
            status: answer.statusCode, headers: answer.headers, body: json ? JSON.parse(content) : content,
          });
        });
      });
    request.on('error', reject);
    request.end(text);
  });
}

/// A device with keys of its own; more is put into its description.
async function createDevice(name = 'device', more = {}) {
  const deviceId = fresh(name);
  const { responseBody } = await registry.create({ deviceId, status: 'enabled', ...more });
  const key = responseBody.authentication?.symmetricKey?.primaryKey;
  return { deviceId, key, connectionString: `HostName=${environment.HUB_HOST};DeviceId=${deviceId};SharedAccessKey=${key}` };
}

/// Resolves with the event's first argument.
function once(emitter, event) {
  return new Promise((resolve) => { emitter.once(event, resolve); });
}

/// Asks again, without a pause of its own, until found(answer) holds; a test that waits in vain ends by its time-out.
async function until(ask, found) {
  for (;;) {
    const answer = await ask();
    if (found(answer)) return answer;
  }
}

/// A certificate and its key as PEM: signed by an issuer { cert, key } of this form, or by itself.
function makeCertificate(commonName, { issuer, authority = false } = {}) {
  const base = path.join(environment.INTEROP_FOLDER, `cert-${process.pid}-${randomBytes(6).toString('hex')}`);
  const files = { certFile: `${base}.pem`, keyFile: `${base}.key.pem` };
  execFileSync('openssl', [
    'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
    '-subj', `/CN=${commonName}`, '-out', files.certFile, '-keyout', files.keyFile,
    '-addext', `basicConstraints=critical,CA:${authority ? 'TRUE' : 'FALSE'}`,
    ...(issuer ? ['-CA', issuer.certFile, '-CAkey', issuer.keyFile] : []),
  ], { stdio: 'ignore' });
  return { ...files, cert: readFileSync(files.certFile, 'utf8'), key: readFileSync(files.keyFile, 'utf8') };
}

/// The authority that the hub trusts for devices.
function deviceAuthority() {
  return {
    certFile: environment.DEVICE_CA, keyFile: environment.DEVICE_CA_KEY,
    cert: readFileSync(environment.DEVICE_CA, 'utf8'), key: readFileSync(environment.DEVICE_CA_KEY, 'utf8'),
  };
}

module.exports = {
  environment, ca, registry, fresh, partsOf, tokenFor, serviceToken, rest, createDevice, once, until, makeCertificate,
  deviceAuthority,
};
