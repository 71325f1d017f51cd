'use strict';
// MQTT by hand, for what no SDK would send.

const tls = require('node:tls');
const packets = require('mqtt-packet');
const { ca, environment, tokenFor } = require('./hub.js');

class RawConnection {
  constructor(options) {
    this.received = [];
    this.waiting = [];
    this.numbers = 0;
    const parser = packets.parser();
    parser.on('packet', (packet) => this.take(packet));
    this.socket = tls.connect({ host: environment.HUB_HOST, port: 8883, ca, ...options });
    this.socket.on('data', (bytes) => parser.parse(bytes));
    this.socket.on('error', (error) => { this.error = error; });
    /// Resolves when the hub has closed the connection.
    this.closed = new Promise((resolve) => { this.socket.on('close', resolve); });
    this.socket.on('close', () => this.take(null));
  }

  take(packet) {
    const waiting = this.waiting.shift();
    if (waiting) waiting(packet); else this.received.push(packet);
  }

  /// The next packet from the hub; null after its end.
  next() {
    if (this.received.length > 0) return Promise.resolve(this.received.shift());
    return new Promise((resolve) => { this.waiting.push(resolve); });
  }

  send(packet) {
    this.socket.write(packets.generate(packet));
  }

  connect(login) {
    this.send({
      cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clean: true, keepalive: 60, ...login,
    });
    return this.next();
  }

  subscribe(topic, qos = 0) {
    this.numbers += 1;
    this.send({ cmd: 'subscribe', messageId: this.numbers, subscriptions: [{ topic, qos }] });
    return this.next();
  }

  /// With QoS 1; resolves with PUBACK, or null where the hub closed the connection.
  publish(topic, payload = '', qos = 1) {
    this.numbers += 1;
    this.send({ cmd: 'publish', topic, payload, qos, dup: false, retain: false, messageId: this.numbers });
    return this.next();
  }

  end() {
    this.socket.destroy();
  }
}

/// What a device of the hub says in CONNECT.
function hubLogin(deviceId, password, { host = environment.HUB_HOST } = {}) {
  return {
    clientId: deviceId,
    username: `${host}/${deviceId}/?api-version=2021-04-12`,
    ...(password === undefined ? {} : { password }),
  };
}

function keyLogin(device) {
  return hubLogin(device.deviceId, tokenFor(`${environment.HUB_HOST}/devices/${device.deviceId}`, device.key));
}

/// A connection on which this device of the registry is logged in.
async function loggedIn(device, more = {}) {
  const connection = new RawConnection();
  const answer = await connection.connect({ ...keyLogin(device), ...more });
  if (answer?.returnCode !== 0) throw new Error(`login refused: ${answer?.returnCode}`);
  return connection;
}

module.exports = { RawConnection, hubLogin, keyLogin, loggedIn };
