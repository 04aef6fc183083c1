"""A client that knows nothing but an address: it asks the server for the rest, as grpcurl does.

python with_reflection.py ADDRESS KEY
"""

import json
import sys
from queue import SimpleQueue

import grpc
from google.protobuf import json_format
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

SERVICE = 'headrace.v1.Headrace'


class WithKey(grpc.StreamStreamClientInterceptor):
    """Shows a key with each call, as reflection is not for everybody either."""

    def __init__(self, key):
        self._key = key

    def intercept_stream_stream(self, continuation, details, requests):
        shown = details._replace(metadata=(('authorization', f'Bearer {self._key}'),))
        return continuation(shown, requests)


class Service:
    """The methods of a service as reflection tells them; messages are dicts."""

    def __init__(self, channel, pool, metadata):
        self._channel = channel
        self._methods = pool.FindServiceByName(SERVICE).methods_by_name
        self._error = GetMessageClass(pool.FindMessageTypeByName('headrace.v1.Error'))
        self._metadata = metadata

    def method(self, name, **settings):
        described = self._methods[name]
        asks = 'stream' if described.client_streaming else 'unary'
        answers = 'stream' if described.server_streaming else 'unary'
        kind, back = GetMessageClass(described.input_type), GetMessageClass(described.output_type)
        call = getattr(self._channel, f'{asks}_{answers}')(
            f'/{SERVICE}/{name}',
            request_serializer=lambda body: json_format.ParseDict(body, kind()).SerializeToString(),
            response_deserializer=lambda data: json_format.MessageToDict(back.FromString(data)),
        )
        settings.setdefault('metadata', self._metadata)
        return lambda body: call(body, **settings)

    def failure(self, call):
        try:
            call()
        except grpc.RpcError as error:
            details = self._error.FromString(dict(error.trailing_metadata())['headrace-error-bin'])
            return [error.code().name, details.kind, details.message, details.request_id]
        return ['OK']


def request(endpoint, text, **fields):
    document = {'id': '1', 'fields': {'text': {'text': text}}}
    return {'endpoint': endpoint, 'rows': {'documents': [document]}, **fields}


def texts(reply):
    return [document['text'] for document in reply.get('rows', {}).get('documents', [])]


def duplex(service):
    waiting = SimpleQueue()
    waiting.put(request('/upper', 'a', requestId='1'))
    waiting.put(request('/words', 'x y', requestId='2', parts=True))
    waiting.put({'endpoint': '/upper', 'json': 'W3sidGV4dCI6IDN9XQ==', 'requestId': '3'})
    waiting.put(request('/endless', 'z', requestId='4', parts=True))
    replies = []
    for reply in service.method('Stream')(iter(waiting.get, None)):
        if reply['requestId'] == '4':
            if texts(reply) == ['z 0']:
                waiting.put({'requestId': '4', 'cancel': True})
                waiting.put(None)
            continue
        error = reply.get('error', {}).get('status', '')
        replies.append([reply['requestId'], texts(reply), error, reply.get('more', False)])
    return replies


def main(address, key):
    metadata = (('authorization', f'Bearer {key}'),)
    found = {}
    with grpc.insecure_channel(address) as channel:
        database = ProtoReflectionDescriptorDatabase(grpc.intercept_channel(channel, WithKey(key)))
        assert SERVICE in database.get_services()
        service = Service(channel, DescriptorPool(database), metadata)
        call, generate = service.method('Call', timeout=20), service.method('Generate', timeout=20)
        described = service.method('Describe')({})
        found['describe'] = sorted(endpoint['name'] for endpoint in described['endpoints'])
        found['unary'] = texts(call(request('/upper', 'red hat')))
        found['parts'] = [texts(reply) for reply in generate(request('/words', 'a b c'))]
        found['duplex'] = duplex(service)
        bad = {'endpoint': '/upper', 'json': 'W3sidGV4dCI6IDN9XQ==', 'requestId': 'bad'}
        found['invalid'] = service.failure(lambda: call(bad))
        found['invalid parts'] = service.failure(lambda: list(generate(bad)))
        stranger = service.method('Call', metadata=(('x-api-key', 'wrong'),))
        found['unknown'] = service.failure(lambda: stranger(request('/upper', 'a', requestId='who')))
        found['forbidden'] = service.failure(lambda: call(request('/other', 'a', requestId='who')))
        late = service.method('Generate', timeout=0.5)
        try:
            list(late(request('/endless', 'a', requestId='late')))
        except grpc.RpcError as error:
            found['late'] = error.code().name
    print(json.dumps(found))
    assert 'headrace' not in sys.modules


if __name__ == '__main__':
    main(*sys.argv[1:])
