'use strict';
// Blob Storage with Microsoft's @azure/storage-blob.

const assert = require('node:assert');
const { createHash, randomBytes } = require('node:crypto');
const { Readable } = require('node:stream');
const { before, test } = require('node:test');
const {
  AccountSASPermissions, AccountSASResourceTypes, AccountSASServices, AnonymousCredential, BlobClient,
  BlobSASPermissions, BlobServiceClient, BlockBlobClient, ContainerClient, ContainerSASPermissions, SASProtocol,
  StorageSharedKeyCredential, generateAccountSASQueryParameters, generateBlobSASQueryParameters,
} = require('@azure/storage-blob');
const { environment, fresh, partsOf } = require('./hub.js');

const connectionString = environment.STORAGE_CONNECTION_STRING;
const parts = partsOf(connectionString.replace(/;$/, ''));
const credential = new StorageSharedKeyCredential(parts.AccountName, parts.AccountKey);
const service = BlobServiceClient.fromConnectionString(connectionString);
// A refusal is the answer; the default would ask again for a minute.
const once = { retryOptions: { maxTries: 1 } };
const MINUTE = 60 * 1000;
let container;

before(async () => {
  container = service.getContainerClient(fresh('box'));
  await container.create();
});

function md5(content) {
  return createHash('md5').update(content).digest();
}

function block(number) {
  return Buffer.from(`block-${String(number).padStart(4, '0')}`).toString('base64');
}

async function collect(iterator) {
  const all = [];
  for await (const item of iterator) all.push(item);
  return all;
}

function refusal(status, code) {
  return (error) => {
    assert.strictEqual(error.statusCode, status, error.message);
    // A HEAD has no body, so that the SDK takes the code from the header.
    assert.strictEqual(error.code ?? error.details?.errorCode, code);
    return true;
  };
}

async function put(name, content, options) {
  const blob = container.getBlockBlobClient(name);
  const answer = await blob.upload(content, Buffer.byteLength(content), options);
  return { blob, answer };
}

// ---- Containers ----
test('containers are made, found, described and removed', async () => {
  const client = service.getContainerClient(fresh('made'));
  assert.strictEqual(await client.exists(), false);
  const made = await client.create({ metadata: { line: 'seven' } });
  assert.match(made.etag, /^"0x/);
  assert.strictEqual(await client.exists(), true);
  await assert.rejects(client.create(), refusal(409, 'ContainerAlreadyExists'));
  assert.strictEqual((await client.createIfNotExists()).succeeded, false);
  const properties = await client.getProperties();
  assert.deepStrictEqual(properties.metadata, { line: 'seven' });
  assert.strictEqual(properties.leaseState, 'available');
  assert.strictEqual(properties.publicAccess ?? properties.blobPublicAccess, undefined);
  const changed = await client.setMetadata({ line: 'eight', shift: 'late' });
  assert.notStrictEqual(changed.etag, made.etag);
  assert.deepStrictEqual((await client.getProperties()).metadata, { line: 'eight', shift: 'late' });
  await client.delete();
  assert.strictEqual(await client.exists(), false);
  assert.strictEqual((await client.deleteIfExists()).succeeded, false);
  await assert.rejects(client.delete(), refusal(404, 'ContainerNotFound'));
});

test('containers are listed by prefix, in pages, with metadata', async () => {
  const prefix = fresh('paged');
  for (const number of [3, 1, 2]) {
    await service.createContainer(`${prefix}-${number}`, { metadata: { number: String(number) } });
  }
  const found = await collect(service.listContainers({ prefix, includeMetadata: true }));
  assert.deepStrictEqual(found.map((each) => each.name), [1, 2, 3].map((number) => `${prefix}-${number}`));
  assert.deepStrictEqual(found.map((each) => each.metadata.number), ['1', '2', '3']);
  const pages = await collect(service.listContainers({ prefix }).byPage({ maxPageSize: 2 }));
  assert.deepStrictEqual(pages.map((page) => page.containerItems.length), [2, 1]);
});

test('names that Azure does not allow are refused', async () => {
  await assert.rejects(service.createContainer('Upper'), refusal(400, 'InvalidResourceName'));
  await assert.rejects(service.createContainer('ab'), refusal(400, 'OutOfRangeInput'));
});

// ---- Content ----
test('a blob comes back as it was put', async () => {
  const content = randomBytes(100_000);
  const { blob, answer } = await put('dir/whole.bin', content, {
    blobHTTPHeaders: {
      blobContentType: 'application/x-fw', blobCacheControl: 'no-cache', blobContentLanguage: 'de',
      blobContentDisposition: 'attachment', blobContentEncoding: 'identity',
    },
    metadata: { Version: '7', note: 'a b' },
  });
  assert.deepStrictEqual(Buffer.from(answer.contentMD5), md5(content));
  const got = await blob.download();
  assert.deepStrictEqual(await blob.downloadToBuffer(), content);
  assert.strictEqual(got.etag, answer.etag);
  assert.strictEqual(got.contentType, 'application/x-fw');
  got.readableStreamBody.destroy();
  const properties = await blob.getProperties();
  assert.strictEqual(properties.contentLength, content.length);
  assert.strictEqual(properties.cacheControl, 'no-cache');
  assert.strictEqual(properties.contentLanguage, 'de');
  assert.strictEqual(properties.contentDisposition, 'attachment');
  assert.strictEqual(properties.contentEncoding, 'identity');
  assert.strictEqual(properties.blobType, 'BlockBlob');
  assert.deepStrictEqual(Buffer.from(properties.contentMD5), md5(content));
  assert.deepStrictEqual(properties.metadata, { version: '7', note: 'a b' });
  assert.ok(properties.createdOn instanceof Date && properties.lastModified >= properties.createdOn);
  assert.strictEqual(await blob.exists(), true);
});

test('an empty blob and odd names are blobs too', async () => {
  const { blob } = await put('empty', '');
  assert.strictEqual((await blob.downloadToBuffer()).length, 0);
  for (const name of ['a b/ü+%.bin', 'with?mark#and&amp;', "quote's", '<xml>', 'back\\slash']) {
    const odd = (await put(name, name)).blob;
    assert.strictEqual((await odd.downloadToBuffer()).toString(), name);
    const listed = await collect(container.listBlobsFlat({ prefix: name.slice(0, 3) }));
    assert.ok(listed.some((each) => each.name === name), `${name} is not listed`);
  }
});

test('a blob is written over, described anew and removed', async () => {
  const { blob, answer } = await put('changing', 'one');
  const again = await blob.upload('second', 6);
  assert.notStrictEqual(again.etag, answer.etag);
  assert.strictEqual((await blob.downloadToBuffer()).toString(), 'second');
  await blob.setMetadata({ a: '1' });
  await blob.setHTTPHeaders({ blobContentType: 'text/plain' });
  const properties = await blob.getProperties();
  assert.deepStrictEqual(properties.metadata, { a: '1' });
  assert.strictEqual(properties.contentType, 'text/plain');
  await blob.delete();
  assert.strictEqual(await blob.exists(), false);
  assert.strictEqual((await blob.deleteIfExists()).succeeded, false);
  await assert.rejects(blob.download(), refusal(404, 'BlobNotFound'));
  await assert.rejects(blob.delete(), refusal(404, 'BlobNotFound'));
  await assert.rejects(blob.getProperties(), refusal(404, 'BlobNotFound'));
});

test('metadata whose names sort differently for the SDK and for bytes are signed alike', async () => {
  // The SDK ignores hyphens and puts '_' before digits; bytes say the opposite.
  const { blob } = await put('sorted', 'x', { metadata: { a1: '1', a_1: '2', ab: '3', a_b: '4' } });
  assert.deepStrictEqual((await blob.getProperties()).metadata, { a1: '1', a_1: '2', ab: '3', a_b: '4' });
});

test('a digest of the content is checked', async () => {
  const blob = container.getBlockBlobClient('digest');
  const options = (content) => ({ transactionalContentMD5: md5(content) });
  await assert.rejects(
    blob.stageBlock(block(1), 'one', 3, options('two')), refusal(400, 'Md5Mismatch'));
  await blob.stageBlock(block(1), 'one', 3, options('one'));
});

// ---- Blocks ----
test('a large blob goes up in parallel blocks and comes down in parallel ranges', async () => {
  const content = randomBytes(9 * 1024 * 1024 + 17);
  const blob = container.getBlockBlobClient('large.bin');
  await blob.uploadData(content, {
    blockSize: 512 * 1024, maxSingleShotSize: 1024, concurrency: 8,
    blobHTTPHeaders: { blobContentMD5: md5(content) },
  });
  assert.ok(content.equals(await blob.downloadToBuffer(0, undefined, { blockSize: 300_000, concurrency: 8 })));
  const { committedBlocks } = await blob.getBlockList('committed');
  assert.strictEqual(committedBlocks.length, 19);
  assert.deepStrictEqual(Buffer.from((await blob.getProperties()).contentMD5), md5(content));
});

test('a stream goes up', async () => {
  const content = randomBytes(3 * 1024 * 1024);
  const blob = container.getBlockBlobClient('stream.bin');
  await blob.uploadStream(Readable.from([content.subarray(0, 10), content.subarray(10)]), 1024 * 1024, 4);
  assert.ok(content.equals(await blob.downloadToBuffer()));
});

test('blocks stay uncommitted until a list names them', async () => {
  const blob = container.getBlockBlobClient('blocks');
  await blob.stageBlock(block(1), 'one-', 4);
  await blob.stageBlock(block(2), 'two-', 4);
  await blob.stageBlock(block(3), 'never', 5);
  assert.strictEqual(await blob.exists(), false);
  const before = await blob.getBlockList('all');
  assert.deepStrictEqual(before.uncommittedBlocks.map((each) => [each.name, each.size]), [
    [block(1), 4], [block(2), 4], [block(3), 5],
  ]);
  const waiting = await collect(container.listBlobsFlat({ prefix: 'blocks', includeUncommitedBlobs: true }));
  assert.deepStrictEqual(waiting.map((each) => [each.name, each.properties.contentLength]), [['blocks', 0]]);
  await assert.rejects(blob.commitBlockList([block(9)]), refusal(400, 'InvalidBlockList'));
  await blob.commitBlockList([block(2), block(1), block(2)]);
  assert.strictEqual((await blob.downloadToBuffer()).toString(), 'two-one-two-');
  const after = await blob.getBlockList('all');
  assert.deepStrictEqual(after.committedBlocks.map((each) => each.name), [block(2), block(1), block(2)]);
  assert.strictEqual(after.uncommittedBlocks?.length ?? 0, 0);
  await blob.stageBlock(block(4), 'four', 4);
  await blob.commitBlockList([block(1), block(4)]);
  assert.strictEqual((await blob.downloadToBuffer()).toString(), 'one-four');
});

// ---- Lists ----
test('blobs are listed flat, by folder, in pages and with metadata', async () => {
  const box = service.getContainerClient(fresh('listed'));
  await box.create();
  for (const name of ['b', 'dir/1', 'dir/2', 'dir/sub/3', 'a']) {
    await box.getBlockBlobClient(name).upload(name, name.length, { metadata: { n: name.replace(/\W/g, '_') } });
  }
  const names = (items) => items.map((each) => each.name);
  assert.deepStrictEqual(names(await collect(box.listBlobsFlat())), ['a', 'b', 'dir/1', 'dir/2', 'dir/sub/3']);
  assert.deepStrictEqual(names(await collect(box.listBlobsFlat({ prefix: 'dir/' }))), ['dir/1', 'dir/2', 'dir/sub/3']);
  const described = await collect(box.listBlobsFlat({ includeMetadata: true, prefix: 'dir/1' }));
  assert.deepStrictEqual(described[0].metadata, { n: 'dir_1' });
  assert.strictEqual(described[0].properties.contentLength, 5);
  assert.deepStrictEqual(Buffer.from(described[0].properties.contentMD5), md5('dir/1'));
  const pages = await collect(box.listBlobsFlat().byPage({ maxPageSize: 2 }));
  assert.deepStrictEqual(pages.map((page) => names(page.segment.blobItems)), [['a', 'b'], ['dir/1', 'dir/2'], ['dir/sub/3']]);
  const continued = await box.listBlobsFlat().byPage({ maxPageSize: 9, continuationToken: pages[1].continuationToken }).next();
  assert.deepStrictEqual(names(continued.value.segment.blobItems), ['dir/sub/3']);
  const top = await collect(box.listBlobsByHierarchy('/'));
  assert.deepStrictEqual(top.map((each) => `${each.kind} ${each.name}`).sort(), ['blob a', 'blob b', 'prefix dir/']);
  const inside = await collect(box.listBlobsByHierarchy('/', { prefix: 'dir/' }));
  assert.deepStrictEqual(names(inside).sort(), ['dir/1', 'dir/2', 'dir/sub/']);
  const tree = await collect(box.listBlobsByHierarchy('/').byPage({ maxPageSize: 1 }));
  assert.strictEqual(tree.length, 3);
});

// ---- Ranges and conditions ----
test('ranges are answered with what they ask for', async () => {
  const { blob } = await put('ranges', '0123456789');
  const text = async (offset, count, options) => {
    const answer = await blob.download(offset, count, options);
    return [(await collect(answer.readableStreamBody)).join(''), answer.contentRange, answer.contentMD5];
  };
  assert.deepStrictEqual(await text(2, 3), ['234', 'bytes 2-4/10', undefined]);
  assert.deepStrictEqual(await text(8), ['89', 'bytes 8-9/10', undefined]);
  const [, , digest] = await text(2, 3, { rangeGetContentMD5: true });
  assert.deepStrictEqual(Buffer.from(digest), md5('234'));
  const whole = await blob.download(0, 3);
  assert.deepStrictEqual(Buffer.from(whole.blobContentMD5), md5('0123456789'));
  whole.readableStreamBody.destroy();
  await assert.rejects(blob.download(10), refusal(416, 'InvalidRange'));
});

test('conditions decide about reads', async () => {
  const { blob, answer } = await put('read-if', 'x');
  const { lastModified, etag } = answer;
  const read = (conditions) => blob.getProperties({ conditions });
  const earlier = new Date(lastModified.getTime() - MINUTE);
  await read({ ifMatch: etag });
  await read({ ifMatch: '*' });
  await read({ ifNoneMatch: '"other"' });
  await read({ ifModifiedSince: earlier });
  await read({ ifUnmodifiedSince: lastModified });
  const status = (wanted) => (error) => error.statusCode === wanted;
  await assert.rejects(read({ ifMatch: '"other"' }), status(412));
  await assert.rejects(read({ ifUnmodifiedSince: earlier }), status(412));
  await assert.rejects(read({ ifNoneMatch: etag }), status(304));
  await assert.rejects(read({ ifModifiedSince: lastModified }), status(304));
  await assert.rejects(blob.download(0, 1, { conditions: { ifMatch: '"other"' } }), refusal(412, 'ConditionNotMet'));
});

test('conditions decide about writes', async () => {
  const { blob, answer } = await put('write-if', 'first');
  const write = (conditions) => blob.upload('next', 4, { conditions });
  await assert.rejects(write({ ifNoneMatch: '*' }), refusal(409, 'BlobAlreadyExists'));
  await assert.rejects(write({ ifMatch: '"other"' }), refusal(412, 'ConditionNotMet'));
  await assert.rejects(write({ ifNoneMatch: answer.etag }), refusal(412, 'ConditionNotMet'));
  await assert.rejects(
    write({ ifUnmodifiedSince: new Date(answer.lastModified.getTime() - MINUTE) }), refusal(412, 'ConditionNotMet'));
  assert.strictEqual((await blob.downloadToBuffer()).toString(), 'first');
  const next = await write({ ifMatch: answer.etag });
  await assert.rejects(blob.delete({ conditions: { ifMatch: answer.etag } }), refusal(412, 'ConditionNotMet'));
  await blob.delete({ conditions: { ifMatch: next.etag } });
  await write({ ifNoneMatch: '*' });
});

// ---- Who may do what ----
function blobToken(name, options) {
  const values = {
    containerName: container.containerName, permissions: BlobSASPermissions.parse('r'),
    expiresOn: new Date(Date.now() + 10 * MINUTE), ...options,
  };
  if (name) values.blobName = name;
  return generateBlobSASQueryParameters(values, credential).toString();
}

function withToken(name, token) {
  return new BlockBlobClient(`${container.getBlobClient(name).url}?${token}`, new AnonymousCredential(), once);
}

test('a service token for a blob gives what its letters say', async () => {
  await put('token', 'secret');
  const letters = (text) => ({ permissions: BlobSASPermissions.parse(text) });
  const reader = withToken('token', blobToken('token'));
  assert.strictEqual((await reader.downloadToBuffer()).toString(), 'secret');
  await assert.rejects(reader.upload('x', 1), refusal(403, 'AuthorizationPermissionMismatch'));
  await assert.rejects(reader.delete(), refusal(403, 'AuthorizationPermissionMismatch'));
  await assert.rejects(withToken('other', blobToken('token')).download(), refusal(403, 'AuthenticationFailed'));
  const creator = withToken('created', blobToken('created', letters('c')));
  await creator.upload('one', 3);
  await assert.rejects(creator.upload('two', 3), refusal(403, 'AuthorizationPermissionMismatch'));
  await withToken('created', blobToken('created', letters('w'))).upload('two', 3);
  await withToken('created', blobToken('created', letters('d'))).delete();
});

test('a token holds in its time, from its addresses, over its protocol', async () => {
  await put('narrow', 'x');
  const read = (options) => withToken('narrow', blobToken('narrow', options)).getProperties();
  const soon = new Date(Date.now() + MINUTE);
  await read({ startsOn: new Date(Date.now() - MINUTE) });
  await read({ protocol: SASProtocol.Https });
  await read({ protocol: SASProtocol.HttpsAndHttp, ipRange: { start: '127.0.0.0', end: '127.0.0.255' } });
  await assert.rejects(read({ startsOn: soon }), refusal(403, 'AuthenticationFailed'));
  await assert.rejects(read({ expiresOn: new Date(Date.now() - MINUTE) }), refusal(403, 'AuthenticationFailed'));
  await assert.rejects(read({ ipRange: { start: '10.0.0.1' } }), refusal(403, 'AuthorizationSourceIPMismatch'));
  const forged = blobToken('narrow').replace(/sig=.{6}/, 'sig=AAAAAA');
  await assert.rejects(withToken('narrow', forged).getProperties(), refusal(403, 'AuthenticationFailed'));
});

test('a token changes the head of the answer', async () => {
  await put('renamed', 'x');
  const options = { contentDisposition: 'attachment; filename=fw.bin', contentType: 'application/x-other', cacheControl: 'no-store' };
  const properties = await withToken('renamed', blobToken('renamed', options)).getProperties();
  assert.strictEqual(properties.contentDisposition, options.contentDisposition);
  assert.strictEqual(properties.contentType, options.contentType);
  assert.strictEqual(properties.cacheControl, options.cacheControl);
});

test('tokens of older versions are read', async () => {
  await put('old', 'x');
  for (const version of ['2020-12-06', '2020-10-02', '2018-11-09', '2018-03-28']) {
    await withToken('old', blobToken('old', { version })).getProperties();
  }
});

test('a service token for a container lists and reads, and leaves the container alone', async () => {
  await put('inside', 'x');
  const permissions = ContainerSASPermissions.parse('rl');
  const url = `${container.url}?${blobToken(undefined, { permissions })}`;
  const client = new ContainerClient(url, new AnonymousCredential(), once);
  assert.ok((await collect(client.listBlobsFlat())).length > 0);
  await client.getBlobClient('inside').getProperties();
  await assert.rejects(client.delete(), (error) => error.statusCode === 403);
  const other = new BlobClient(
    `${service.getContainerClient('other').getBlobClient('inside').url}?${blobToken(undefined, { permissions })}`,
    new AnonymousCredential(), once);
  await assert.rejects(other.download(), refusal(403, 'AuthenticationFailed'));
});

test('an account token gives what its letters and resource types say', async () => {
  await put('by-account', 'x');
  const client = (permissions, types, options = {}) => {
    const token = generateAccountSASQueryParameters({
      services: AccountSASServices.parse(options.services ?? 'b').toString(),
      resourceTypes: AccountSASResourceTypes.parse(types).toString(),
      permissions: AccountSASPermissions.parse(permissions),
      expiresOn: options.expiresOn ?? new Date(Date.now() + 10 * MINUTE), ...options.more,
    }, credential).toString();
    return new BlobServiceClient(`${service.url}?${token}`, new AnonymousCredential(), once);
  };
  const blob = (from) => from.getContainerClient(container.containerName).getBlobClient('by-account');
  const all = client('rwdlac', 'sco');
  await collect(all.listContainers());
  const made = all.getContainerClient(fresh('by-token'));
  await made.create();
  await made.delete();
  await blob(client('r', 'o')).getProperties();
  await assert.rejects(blob(client('r', 'sc')).download(), refusal(403, 'AuthorizationResourceTypeMismatch'));
  await assert.rejects(blob(client('w', 'o')).download(), refusal(403, 'AuthorizationPermissionMismatch'));
  await assert.rejects(blob(client('r', 'o', { services: 'q' })).download(), refusal(403, 'AuthorizationServiceMismatch'));
  await assert.rejects(
    blob(client('r', 'o', { expiresOn: new Date(Date.now() - MINUTE) })).download(), refusal(403, 'AuthenticationFailed'));
  await assert.rejects(
    blob(client('r', 'o', { more: { ipRange: { start: '10.0.0.1' } } })).download(),
    refusal(403, 'AuthorizationSourceIPMismatch'));
});

test('without the account\'s key nothing is given', async () => {
  const { blob } = await put('private', 'x');
  const as = (who) => new BlobClient(blob.url, who, once).download();
  const wrong = new StorageSharedKeyCredential(parts.AccountName, Buffer.alloc(64).toString('base64'));
  await assert.rejects(as(wrong), refusal(403, 'AuthenticationFailed'));
  const stranger = new StorageSharedKeyCredential('somebody', parts.AccountKey);
  await assert.rejects(as(stranger), refusal(403, 'AuthenticationFailed'));
  await assert.rejects(as(new AnonymousCredential()), refusal(401, 'NoAuthenticationInformation'));
});
