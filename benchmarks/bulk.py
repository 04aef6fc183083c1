"""Documents with embeddings through two executors over gRPC: documents per second, every value checked."""

from __future__ import annotations

import asyncio
import statistics
import time

import numpy as np

from benchmarks.callers import GrpcCallers
from benchmarks.echo import GRPC_METHOD, serve
from benchmarks.flows import two_doubles
from benchmarks.load import Load, press
from benchmarks.processes import children, cpu_s
from benchmarks.result import Result, figure
from headrace import Document, DocumentArray

FLOATS = 512
PER_REQUEST = 100


def measure(documents: int, runs: int) -> list[Result]:
    """Send `documents` some times; give the rate, and its ratio to an echo of as many bytes."""
    embeddings = np.random.default_rng(1).random((documents, FLOATS), dtype=np.float32)
    docs = DocumentArray([Document(text=f'document {i}', embedding=e) for i, e in enumerate(embeddings)])
    took, cpu = [], []
    with two_doubles() as flow:
        flow.post('/', docs[:PER_REQUEST])
        for _ in range(runs):
            begin, begin_cpu = time.perf_counter(), cpu_s(children())
            back = flow.post('/', docs, request_size=PER_REQUEST)
            took.append(time.perf_counter() - begin)
            cpu.append(cpu_s(children()) - begin_cpu)
            _check(back, embeddings)
    rate, best = documents / statistics.median(took), documents / min(took)
    bare = asyncio.run(_echo(embeddings[:PER_REQUEST].tobytes()))
    bare_rate = bare.rate * PER_REQUEST
    cpu_us = statistics.median(cpu) / documents * 1e6
    return [
        Result(
            'embeddings over grpc',
            f'{figure(documents)} documents with {FLOATS} floats',
            rate,
            'documents/s',
            best=best,
            cpu_us=cpu_us,
            reference=bare_rate,
            reference_cpu_us=bare.cpu_us / PER_REQUEST,
            ratio=rate / bare_rate,
        ),
        Result('embeddings over grpc', 'embeddings there and back', rate * FLOATS * 4 * 2 / 1e6, 'MB/s'),
    ]


def _check(back: DocumentArray, embeddings: np.ndarray) -> None:
    assert len(back) == len(embeddings)
    assert back.texts == [f'document {i}' for i in range(len(back))]
    assert np.array_equal(back.embeddings, embeddings * 4)


async def _echo(batch: bytes) -> Load:
    """Measure how fast an echo gives back as many bytes, a batch a call."""
    with serve('grpc') as echo:
        callers = GrpcCallers(echo.port, GRPC_METHOD, batch, lambda body: None)
        load = await press(await callers.calls(4), 2.0, [echo.pid])
        await callers.close()
    return load
