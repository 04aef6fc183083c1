// A client in JavaScript with @grpc/grpc-js; it knows docs/grpc.md and headrace.proto, and no Headrace.
//
//     node client.js PROTO ADDRESS KEY
'use strict';

const grpc = require('@grpc/grpc-js');
const protoLoader = require('@grpc/proto-loader');

const [proto, address, key] = process.argv.slice(2);
const options = { keepCase: true, defaults: true, oneofs: true, longs: Number, enums: String };
const definition = protoLoader.loadSync(proto, options);
const { Headrace } = grpc.loadPackageDefinition(definition).headrace.v1;

function metadata(name = 'authorization', value = `Bearer ${key}`) {
  const shown = new grpc.Metadata();
  shown.set(name, value);
  return shown;
}

const within = (seconds) => ({ deadline: new Date(Date.now() + seconds * 1000) });

function request(endpoint, text, fields = {}) {
  const documents = [{ id: '1', fields: { text: { text } } }];
  return { endpoint, rows: { documents }, ...fields };
}

const texts = (reply) => (reply.rows ? reply.rows.documents.map((document) => document.text) : []);

function unary(stub, method, body, shown = metadata()) {
  return new Promise((resolve, reject) => {
    stub[method](body, shown, within(20), (error, reply) => (error ? reject(error) : resolve(reply)));
  });
}

function parts(stub, body, seconds = 20) {
  return new Promise((resolve, reject) => {
    const replies = [];
    const call = stub.Generate(body, metadata(), within(seconds));
    call.on('data', (reply) => replies.push(texts(reply)));
    call.on('error', reject);
    call.on('end', () => resolve(replies));
  });
}

function duplex(stub) {
  return new Promise((resolve, reject) => {
    const replies = [];
    const call = stub.Stream(metadata(), within(20));
    call.on('error', reject);
    call.on('end', () => resolve(replies));
    call.on('data', (reply) => {
      if (reply.request_id === '4') {
        if (texts(reply)[0] === 'z 0') {
          call.write({ request_id: '4', cancel: true });
          call.end();
        }
        return;
      }
      replies.push([reply.request_id, texts(reply), reply.error ? reply.error.status : '', reply.more]);
    });
    call.write(request('/upper', 'a', { request_id: '1' }));
    call.write(request('/words', 'x y', { request_id: '2', parts: true }));
    call.write({ endpoint: '/upper', json: Buffer.from('[{"text": 3}]'), request_id: '3' });
    call.write(request('/endless', 'z', { request_id: '4', parts: true }));
  });
}

async function failure(promise) {
  try {
    await promise;
  } catch (error) {
    const details = definition['headrace.v1.Error'].deserialize(error.metadata.get('headrace-error-bin')[0]);
    return [grpc.status[error.code], details.kind, details.message, details.request_id];
  }
  return ['OK'];
}

async function main() {
  const stub = new Headrace(address, grpc.credentials.createInsecure());
  const bad = { endpoint: '/upper', json: Buffer.from('[{"text": 3}]'), request_id: 'bad' };
  const who = { request_id: 'who' };
  const described = await unary(stub, 'Describe', {});
  const found = {
    describe: described.endpoints.map((endpoint) => endpoint.name).sort(),
    unary: texts(await unary(stub, 'Call', request('/upper', 'red hat'))),
    parts: await parts(stub, request('/words', 'a b c')),
    duplex: await duplex(stub),
    invalid: await failure(unary(stub, 'Call', bad)),
    'invalid parts': await failure(parts(stub, bad)),
    unknown: await failure(unary(stub, 'Call', request('/upper', 'a', who), metadata('x-api-key', 'wrong'))),
    forbidden: await failure(unary(stub, 'Call', request('/other', 'a', who))),
  };
  found.late = await parts(stub, request('/endless', 'a', { request_id: 'late' }), 0.5).catch(
    (error) => grpc.status[error.code],
  );
  stub.close();
  console.log(JSON.stringify(found));
}

main();
