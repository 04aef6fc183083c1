"""Dynamic batching next to the model's own cost: documents per second of many callers, and what one waits."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Sequence

from benchmarks.callers import HttpCallers
from benchmarks.flows import MODEL_PER_DOCUMENT_S, MODEL_S, Model, model
from benchmarks.load import Load, press
from benchmarks.processes import children, family
from benchmarks.result import Result
from headrace import Document, DocumentArray
from headrace.executors import close, serve
from headrace.pipeline import Batch, Context, Payload
from headrace.worker.serving import SWITCH_S

GROUP = 'dynamic batching'
MAXIMUM = 64
CALLERS = 64
WANTED = 0.95
MOST_ADDED_MS = 1.0


async def measure(seconds: float) -> list[Result]:
    """Measure callers with one document, who all wait for the same batch, and with four; then one caller.

    The reference is the model itself, called with full batches and nothing around it. Callers in this process
    show what batching itself costs, without a front door; those with one document each can never keep a
    model busy, because nobody asks again before the batch for everybody has been answered.
    """
    bare = own_rate(seconds / 2)
    inside = {documents: await _inside(documents, seconds) for documents in (1, 2, 4)}
    async with model() as flow:
        pids, port = children(), flow.ports['http']
        many = {
            documents: await _load(port, '/batched', CALLERS, documents, seconds, pids)
            for documents in (1, 4)
        }
        alone = await _load(port, '/alone', 1, 1, seconds, pids)
        batched = await _load(port, '/batched', 1, 1, seconds, pids)
    return [
        *(_rate(documents, load, bare, ' in its process') for documents, load in inside.items()),
        *(_rate(documents, load, bare, ' over HTTP') for documents, load in many.items()),
        _added(batched, alone),
    ]


async def _inside(documents: int, seconds: float) -> Load:
    """Call the executor's handler with what a worker gets from its socket, and encode what it would send."""
    model = Model()
    handler = serve(model)
    data = bytearray(DocumentArray([Document(text='x') for _ in range(documents)]).to_bytes())

    async def call() -> None:
        request = Batch(parameters={}, sources=(('gateway', Payload(segments=(memoryview(data),))),))
        reply = await handler(request, Context('/batched'))
        assert len(reply) == documents
        reply.sources[0][1].settled()

    interval = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)  # as in a worker, and so is the next line
    gc.freeze()
    load = await press([call] * CALLERS, seconds, family())
    sys.setswitchinterval(interval)
    gc.unfreeze()
    await close(model)
    return load


def own_rate(seconds: float) -> float:
    """Return the documents per second of the model, always given as many as a batch may have."""
    docs, bare = DocumentArray.empty(MAXIMUM), Model()
    calls, begin = 0, time.perf_counter()
    while time.perf_counter() - begin < seconds:
        bare.batched(docs=docs)
        calls += 1
    return calls * MAXIMUM / (time.perf_counter() - begin)


async def _load(
    port: int, endpoint: str, callers: int, documents: int, seconds: float, pids: Sequence[int]
) -> Load:
    data = b'{"data": [%b], "execEndpoint": "%b"}' % (
        b','.join([b'{"text": "x"}'] * documents),
        endpoint.encode(),
    )

    def check(reply: bytes) -> None:
        assert reply.count(b'"x"') == documents, reply

    made = HttpCallers(port, '/post', data, check)
    load = await press(await made.calls(callers), seconds, pids)
    await made.close()
    return load


def _rate(documents: int, load: Load, bare: float, where: str) -> Result:
    rate = load.mean_rate * documents
    fills = CALLERS * documents >= 2 * MAXIMUM  # enough for a next batch to be full while one is worked on
    return Result(
        GROUP,
        f'{CALLERS} callers, {documents} document{"s" if documents > 1 else ""} each{where}',
        rate,
        'documents/s',
        p50_ms=load.p50_ms,
        p99_ms=load.p99_ms,
        cpu_us=load.cpu_us / documents,
        reference=bare,
        ratio=rate / bare,
        target=f'ratio {WANTED}' if fills else '',
        met=rate / bare >= WANTED if fills else None,
    )


def _added(batched: Load, alone: Load) -> Result:
    added_ms = batched.p50_ms - alone.p50_ms
    ideal_ms = (MODEL_S + MODEL_PER_DOCUMENT_S) * 1e3
    return Result(
        GROUP,
        f'1 caller: added to the {alone.p50_ms:.3g} ms without (model: {ideal_ms:.3g} ms)',
        added_ms,
        'ms',
        p50_ms=batched.p50_ms,
        p99_ms=batched.p99_ms,
        target=f'under {MOST_ADDED_MS:g} ms',
        met=added_ms < MOST_ADDED_MS,
    )
