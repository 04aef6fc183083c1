"""What a worker is told, and how the class gets there."""

from __future__ import annotations

from typing import Any

import msgspec

from headrace.spec import ExecutorSpec, FlowSpec, ProcessPlan
from headrace.spec.limits import LimitsSpec
from headrace.spec.observe import ObserveSpec
from headrace.spec.paths import anchored_path, workspace_of
from headrace.wire.tls import CertificateFiles

DRAIN_S = 5.0
"""How long calls that were accepted may take at the end, if nothing else is said."""


class WorkerOrder(msgspec.Struct, frozen=True):
    """Everything a worker process needs to know.

    `name` is that of the process; `spec` is what it runs: the executor, or what comes before or after its
    shards. `pickled` carries what exists nowhere but in the caller's memory (a class of a script's `__main__`
    or of a notebook, arguments that are no plain data); it is '' for all that can be imported.
    `tls` has the certificate that it shows at an address that needs one.
    `image_pixels` is what a picture may have that a document names or holds. `flow` is the name of the Flow,
    `directory` the folder of what its processes share, `observe` what is to be seen of them. What it has
    accepted may finish for `drain_s`. `pid` is its number where its supervisor is, if that is another one.
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
    drain_s: float = DRAIN_S
    pid: int = 0

    @property
    def target(self) -> str:
        """What gateways call it for: 'encoder', 'encoder/before', 'index/shard-1' (the first is 'index')."""
        return f'{self.spec.name}/shard-{self.shard}' if self.shard else self.spec.name


def worker_order(
    flow: FlowSpec, process: ProcessPlan, executor: ExecutorSpec, *, address: str, **more: Any
) -> WorkerOrder:
    """Everything the worker that carries out `process` has to know, to run `executor` (or a part of it).

    `more` are other fields of the order.
    """
    return WorkerOrder(
        name=process.name,
        address=address,
        spec=executor,
        workspace=workspace_of(flow, executor),
        base=flow.base,
        tls=_certificate(flow),
        shard=process.shard,
        replica=process.replica,
        image_pixels=flow.gateway.limits.image_pixels,
        flow=flow.name,
        observe=flow.observe,
        **more,
    )


def _certificate(flow: FlowSpec) -> CertificateFiles | None:
    """The certificate that the workers of a Flow show; None where they need none."""
    workers = flow.gateway.security.workers
    if workers is None:
        return None
    files = (workers.certificate, workers.key, workers.authority)
    return CertificateFiles(*(anchored_path(file, flow.base) for file in files))


def sparse(value: Any) -> Any:
    """Plain data of a record, without what is as it is by default: a worker may be somewhat older than us.

    >>> sparse(ExecutorSpec(name='a', replicas=2))
    {'name': 'a', 'replicas': 2}
    """
    if isinstance(value, msgspec.Struct):
        kept = ((each, getattr(value, each.name)) for each in msgspec.structs.fields(value))
        return {each.encode_name: sparse(said) for each, said in kept if said != _default(each)}
    if isinstance(value, dict):
        return {key: sparse(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [sparse(item) for item in value]
    return msgspec.to_builtins(value, builtin_types=(bytes,))


def _default(field: msgspec.structs.FieldInfo) -> Any:
    return field.default_factory() if callable(field.default_factory) else field.default
