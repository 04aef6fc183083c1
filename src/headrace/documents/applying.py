"""A function over single documents run over a whole list, by several threads or processes."""

from __future__ import annotations

import math
import os
import pickle
import queue
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from typing import Any, Literal

from rich.progress import track

from headrace.documents import apply_worker, byvalue
from headrace.documents.build import table_of
from headrace.documents.codec.pack import pack
from headrace.documents.codec.unpack import DEFAULT_LIMITS, read_header, unpack
from headrace.documents.sequence import DocSequence
from headrace.documents.table import make_rows
from headrace.errors import DocumentError

Function = Callable[[Any], Any]
Backend = Literal['thread', 'process']


def apply(
    docs: DocSequence[Any],
    function: Function,
    *,
    backend: Backend = 'thread',
    num_worker: int | None = None,
    show_progress: bool = False,
) -> None:
    """Put `function(doc)` (or the changed `doc`, if it returns None) in the place of every document.

    Processes are for functions that keep the interpreter busy; they need no `if __name__ == '__main__'`, and
    functions and document classes of a notebook or script work. An exception of the function is raised here.
    """
    if backend not in ('thread', 'process'):
        raise DocumentError(f'unknown backend {backend!r}', help="use 'thread' or 'process'")
    if num_worker is not None and num_worker < 1:
        raise DocumentError(f'{num_worker} workers', help='give num_worker 1 or more, or leave it out')
    rows = docs.rows
    if not rows:
        return
    workers = min(num_worker or os.cpu_count() or 1, len(rows))
    size = math.ceil(len(rows) / (workers * 4))
    pieces = [rows[start : start + size] for start in range(0, len(rows), size)]
    with _runner(backend, function, docs.doc_type, workers) as run:
        results = _in_order(pieces, run, workers, show_progress)
    docs[:] = [doc for piece in results for doc in piece]


def _in_order(
    pieces: list[list[Any]], run: Callable[[list[Any]], list[Any]], workers: int, show_progress: bool
) -> list[list[Any]]:
    with ThreadPoolExecutor(workers, thread_name_prefix='apply') as pool:
        futures = [pool.submit(run, piece) for piece in pieces]
        try:
            for _ in _shown(as_completed(futures), len(futures), show_progress):
                pass
            return [future.result() for future in futures]
        finally:
            for future in futures:
                future.cancel()


def _shown(futures: Iterator[Future[list[Any]]], total: int, show_progress: bool) -> Iterator[Any]:
    if show_progress:
        futures = iter(track(futures, total=total, description='apply'))
    for future in futures:
        future.result()
        yield future


@contextmanager
def _runner(
    backend: Backend, function: Function, doc_type: type[Any], workers: int
) -> Iterator[Callable[[list[Any]], list[Any]]]:
    if backend == 'thread':
        yield lambda piece: [apply_worker.applied(function, doc) for doc in piece]
        return
    job = byvalue.dumps((function, doc_type))
    idle: queue.SimpleQueue[_Child] = queue.SimpleQueue()
    children: list[_Child] = []
    try:
        for _ in range(workers):
            children.append(_Child(job, doc_type))
            idle.put(children[-1])

        def run(piece: list[Any]) -> list[Any]:
            child = idle.get()
            try:
                return child.run(piece)
            finally:
                idle.put(child)

        yield run
    finally:
        for child in children:
            child.close()


class _Child:
    """One worker process: batches of documents go in through its standard input and come out changed."""

    def __init__(self, job: bytes, doc_type: type[Any]) -> None:
        self._doc_type = doc_type
        command = [sys.executable, '-c', 'from headrace.documents.apply_worker import main; main()']
        paths = os.pathsep.join(path for path in sys.path if path)
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        apply_worker.write(self._process.stdin, paths.encode())
        apply_worker.write(self._process.stdin, job)

    def run(self, piece: list[Any]) -> list[Any]:
        segments = pack(table_of(self._doc_type, piece))
        apply_worker.write(self._process.stdin, b''.join(segments))
        status, answer = apply_worker.read(self._process.stdout), apply_worker.read(self._process.stdout)
        if status is None or answer is None:
            raise DocumentError(f'a worker process ended with status {self._process.wait()}')
        if status != b'ok':
            raise pickle.loads(answer)
        header, body = read_header(bytearray(answer))
        return make_rows(unpack(header, body, self._doc_type, DEFAULT_LIMITS))

    def close(self) -> None:
        if self._process.stdin:
            try:
                self._process.stdin.close()
            except BrokenPipeError:
                pass
        if self._process.stdout:
            self._process.stdout.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
