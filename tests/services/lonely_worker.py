"""A worker process alone: `python lonely_worker.py ADDRESS` serves until it is told to drain or is killed.

/pid answers its process id, /slow takes as many seconds as the parameter says, /stop drains the server.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys

from headrace import Document
from headrace.documents.schema import schema_of
from headrace.pipeline import Batch, Context
from headrace.pipeline.describe import EndpointInfo, ExecutorInfo
from headrace.wire import Server

SCHEMA = schema_of(Document)
INFO = ExecutorInfo(
    'lonely',
    (
        EndpointInfo('/default', 'docs', SCHEMA, SCHEMA),
        EndpointInfo('/write', 'docs', SCHEMA, SCHEMA, idempotent=False),
    ),
)


async def handler(batch: Batch, context: Context) -> Batch:
    """Answer after so many seconds (`s`); never, in the process that is to hold it (`held_by`)."""
    if batch.parameters.get('held_by') == os.getpid():
        await asyncio.Event().wait()
    await asyncio.sleep(batch.parameters.get('s', 0))
    return Batch(parameters={'pid': os.getpid()})


async def main(address: str) -> None:
    """Serve until SIGTERM, then drain."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    server = await Server(handler, INFO).listen(address)
    print('ready', flush=True)
    await stop.wait()
    await server.close(5.0)


if __name__ == '__main__':
    asyncio.run(main(sys.argv[1]))
