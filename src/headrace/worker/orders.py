"""What a supervisor tells a worker, and how the class gets there."""

from __future__ import annotations

import msgspec

from headrace.spec import ExecutorSpec
from headrace.spec.limits import LimitsSpec
from headrace.spec.observe import ObserveSpec
from headrace.wire.tls import CertificateFiles


class WorkerOrder(msgspec.Struct, frozen=True):
    """Everything a worker process needs to know.

    `name` is that of the process; `spec` is what it runs: the executor, or what comes before or after its
    shards. `pickled` carries what exists nowhere but in the caller's memory (a class of a script's `__main__`
    or of a notebook, arguments that are no plain data); it is '' for all that can be imported.
    `tls` has the certificate that it shows at an address that needs one.
    `image_pixels` is what a picture may have that a document names or holds. `flow` is the name of the Flow,
    `directory` the folder of what its processes share, `observe` what is to be seen of them.
    """

    name: str
    address: str
    spec: ExecutorSpec
    workspace: str
    base: str
    sys_path: tuple[str, ...]
    pickled: bytes = b''
    tls: CertificateFiles | None = None
    shard: int = 0
    replica: int = 0
    image_pixels: int = LimitsSpec().image_pixels
    flow: str = 'flow'
    directory: str = ''
    observe: ObserveSpec = ObserveSpec()
