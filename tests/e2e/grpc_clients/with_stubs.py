"""A client with the stubs that protoc makes of headrace.proto; it knows docs/grpc.md, and no Headrace.

python with_stubs.py ADDRESS KEY        with headrace_pb2.py and headrace_pb2_grpc.py beside it
"""

import json
import sys
from queue import SimpleQueue

import grpc
import headrace_pb2 as pb
from headrace_pb2_grpc import HeadraceStub


def told(error):
    """The status of a call that failed, and what its trailing metadata say of it."""
    details = pb.Error.FromString(dict(error.trailing_metadata())['headrace-error-bin'])
    return [error.code().name, details.kind, details.message, details.request_id]


def request(endpoint, text, **fields):
    made = pb.Request(endpoint=endpoint, **fields)
    made.rows.documents.add(id='1').fields['text'].text = text
    return made


def texts(reply):
    return [document.text or document.fields['text'].text for document in reply.rows.documents]


def duplex(stub, metadata):
    """Four requests on one stream; the last one's parts are withdrawn after the first of them."""
    waiting = SimpleQueue()
    waiting.put(request('/upper', 'a', request_id='1'))
    waiting.put(request('/words', 'x y', request_id='2', parts=True))
    waiting.put(pb.Request(endpoint='/upper', json=b'[{"text": 3}]', request_id='3'))
    waiting.put(request('/endless', 'z', request_id='4', parts=True))
    replies = []
    for reply in stub.Stream(iter(waiting.get, None), metadata=metadata):
        if reply.request_id == '4':
            if texts(reply) == ['z 0']:
                waiting.put(pb.Request(request_id='4', cancel=True))
                waiting.put(None)
            continue
        replies.append([reply.request_id, texts(reply), reply.error.status, reply.more])
    return replies


def main(address, key):
    metadata = (('authorization', f'Bearer {key}'),)
    found = {}
    with grpc.insecure_channel(address) as channel:
        stub = HeadraceStub(channel)
        described = stub.Describe(pb.DescribeRequest(), metadata=metadata)
        found['describe'] = sorted(endpoint.name for endpoint in described.endpoints)
        found['unary'] = texts(stub.Call(request('/upper', 'red hat'), metadata=metadata, timeout=20))
        parts = stub.Generate(request('/words', 'a b c'), metadata=metadata, timeout=20)
        found['parts'] = [texts(reply) for reply in parts]
        found['duplex'] = duplex(stub, metadata)
        bad = pb.Request(endpoint='/upper', json=b'[{"text": 3}]', request_id='bad')
        found['invalid'] = failure_of(lambda: stub.Call(bad, metadata=metadata))
        found['invalid parts'] = failure_of(lambda: list(stub.Generate(bad, metadata=metadata)))
        asked = request('/upper', 'a', request_id='who')
        found['unknown'] = failure_of(lambda: stub.Call(asked, metadata=(('x-api-key', 'wrong'),)))
        other = request('/other', 'a', request_id='who')
        found['forbidden'] = failure_of(lambda: stub.Call(other, metadata=metadata))
        late = request('/endless', 'a', request_id='late')
        try:
            list(stub.Generate(late, metadata=metadata, timeout=0.5))
        except grpc.RpcError as error:
            found['late'] = error.code().name
    print(json.dumps(found))
    assert 'headrace' not in sys.modules


def failure_of(call):
    try:
        call()
    except grpc.RpcError as error:
        return told(error)
    return ['OK']


if __name__ == '__main__':
    main(*sys.argv[1:])
