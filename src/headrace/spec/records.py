"""What is wanted, as plain frozen data: a Flow, its executors, its gateway.

The annotations carry everything that is known of a field: its type, its limits and its description. The YAML
reader, the JSON Schema for editors, the errors and the command line's options are all derived from them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from headrace.spec.batching import BatchingSpec
from headrace.spec.container import (
    ClusterSpec,
    Image,
    InCluster,
    Memory,
    Processors,
    SecretVariables,
    Size,
)
from headrace.spec.gateway import GatewaySpec
from headrace.spec.observe import LogLevel, ObserveSpec
from headrace.spec.quantities import Count, Port, Seconds
from headrace.spec.references import FIELD, Reference, described, shown

GATEWAY = 'gateway'
"""The name that stands for the beginning of a Flow in `needs`."""

PASS_THROUGH = 'headrace.executors:Executor'
"""What an executor runs if nothing is named: the base class, which gives back what it gets."""

INNER = ('base', FIELD)
"""Fields that nobody writes: what the reader of a file notes of where it is and what it says."""

Place = Literal['local', 'in-process']
Polling = Literal['ANY', 'ALL', 'KEY']


class ExecutorSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One component of a Flow: what it runs, with which settings, after whom.

    >>> ExecutorSpec(name='encoder', uses='shop.encoders:Encoder', uses_with={'device': 'cpu'}).needs
    ('gateway',)
    """

    name: Annotated[str, Meta(description='Name of the executor: a Python identifier, once per Flow.')]
    uses: Annotated[
        Any,
        Meta(
            description='What runs: module:Class, module.Class, a Python file (file.py:Class), an executor '
            'YAML file, a folder with config.yml, or an image (docker://name:tag). In Python also the class '
            'itself.',
            examples=['shop.encoders:Encoder', 'encoder/config.yml', 'docker://shop/encoder:1.2'],
        ),
    ] = PASS_THROUGH
    needs: Annotated[
        tuple[str, ...],
        Meta(description='Executors whose results this one gets; "gateway" is the request itself.'),
    ] = (GATEWAY,)
    join: Annotated[
        bool, Meta(description='Only merge the results of `needs` by document id; nothing runs.')
    ] = False
    uses_with: Annotated[dict[str, Any], Meta(description="Arguments of the executor's constructor.")] = {}
    uses_metas: Annotated[
        dict[str, Any], Meta(description="The executor's metas: name, description, py_modules, ...")
    ] = {}
    uses_requests: Annotated[
        dict[str, str], Meta(description='Endpoints bound to methods by name: {/index: add}.')
    ] = {}
    uses_dynamic_batching: Annotated[
        dict[str, BatchingSpec],
        Meta(description='Batches of endpoints (or methods): {/encode: {preferred_batch_size: 64}}.'),
    ] = {}
    py_modules: Annotated[
        tuple[str, ...], Meta(description='Python files or modules to import before `uses` is looked up.')
    ] = ()
    workspace: Annotated[
        str | None, Meta(description="Folder for what the executor keeps; default: the Flow's.")
    ] = None
    env: Annotated[dict[str, str], Meta(description="Environment variables of the executor's process.")] = {}
    timeout_ready_s: Annotated[
        Seconds | None, Meta(description="Seconds that the executor may take to start; default: the Flow's.")
    ] = None
    allow_concurrent: Annotated[
        bool, Meta(description='Run synchronous handlers in several threads at a time instead of in one.')
    ] = False
    replicas: Annotated[
        int | tuple[int, int],  # its limits are in graph.check: with them here msgspec 0.22 crashes (GC)
        Meta(
            description='Processes that share the work of the executor (of each of its shards); two numbers '
            '[least, most] let it grow and shrink with its queue.'
        ),
    ] = 1
    shards: Annotated[
        Count, Meta(description='Parts that the documents of the executor are divided into.')
    ] = 1
    polling: Annotated[
        Polling | dict[str, Polling],
        Meta(
            description='Which shards a request visits: ANY (one of them), ALL (every one, results merged) '
            'or KEY (each document the shard that its id belongs to); one for all endpoints or one for each: '
            '{/search: ALL, "*": ANY}. default: KEY for /index, /update and /delete, ALL for /search, '
            'ANY for others.'
        ),
    ] = {}
    uses_before: Annotated[
        Any, Meta(description='Executor that requests pass before they go to the shards; written as uses.')
    ] = None
    uses_after: Annotated[
        Any,
        Meta(description='Executor that merges what the shards gave (docs_matrix); written as uses.'),
    ] = None
    no_reduce: Annotated[
        bool,
        Meta(description='Do not merge several inputs by document id: docs has them one after the other.'),
    ] = False
    when: Annotated[
        dict[str, Any],
        Meta(description="Only documents that match this filter come here: {tags__kind: {$eq: 'shoe'}}."),
    ] = {}
    floating: Annotated[
        bool, Meta(description='The answer does not wait for this executor; nobody gets its results.')
    ] = False
    external: Annotated[
        bool, Meta(description='The executor runs elsewhere, at `host` and `port`; the Flow only calls it.')
    ] = False
    host: Annotated[
        tuple[str, ...],
        Meta(description='Where an external executor is: grpc://host:port, grpcs://host:port, or host.'),
    ] = ()
    port: Annotated[
        tuple[Port, ...], Meta(description='Ports of an external executor, one per host or one for all.')
    ] = ()
    tls: Annotated[
        bool | str,
        Meta(
            description='Reach an external executor over TLS; a PEM file names the authority that signed its '
            "certificate, true means the system's."
        ),
    ] = False
    allow_uris: Annotated[
        tuple[str, ...],
        Meta(
            description='What the executor may open when a document names it, beside the public web: folders '
            '(file:///data/pictures/) and servers (http://10.0.0.7:8000/); * is everything.'
        ),
    ] = ()
    gpus: Annotated[
        str | int | tuple[int | str, ...],
        Meta(
            description='Devices of the replicas: a number each, ids ([0, 2]), or RR (round robin over all), '
            'RR0:3 (over a slice), RR1,3 (over these).'
        ),
    ] = ''
    threads: Annotated[
        Count | None,
        Meta(
            description='Threads of numeric libraries (OpenMP, BLAS) in each replica; default: the cores '
            'divided by the replicas and shards, where there are several.'
        ),
    ] = None
    sticky: Annotated[
        str,
        Meta(description='Requests with the same value of this parameter go to the same replica.'),
    ] = ''
    retries: Annotated[
        int,
        Meta(ge=0, description='How often a request is sent to another replica if one dies or is stuck.'),
    ] = 3
    max_queue: Annotated[
        Count,
        Meta(description='Requests that wait for a replica at most; more are refused as Overloaded.'),
    ] = 1024
    log_level: Annotated[
        LogLevel | None,
        Meta(description='The least that the executor logs; default: what observe.logs.level says.'),
    ] = None
    reload: Annotated[
        bool, Meta(description='In development: start anew, without a failed request, when its code changes.')
    ] = False
    image: Image = ''
    volumes: Annotated[
        tuple[str, ...],
        Meta(description='What its container sees of the machine: host/path:/path, name:/path, ...:ro.'),
    ] = ()
    entrypoint: Annotated[
        tuple[str, ...],
        Meta(description="Command of its container in place of the image's; it is given the arguments."),
    ] = ()
    cpus: Processors = None
    memory: Memory = ''
    storage: Annotated[
        Size,
        Meta(
            description='Size of the disk that keeps the workspace of each replica, where it runs in a '
            'container: 10Gi. default: none is kept.'
        ),
    ] = ''
    env_from_secret: SecretVariables = {}
    kubernetes: InCluster = ClusterSpec()
    versions: Annotated[
        dict[str, ExecutorSpec],
        Meta(
            description='Other versions beside this one, which is called main; each says what is different: '
            "{v2: {uses: 'docker://shop/encoder:2', replicas: 1}}."
        ),
    ] = {}
    weights: Annotated[
        dict[str, int | float],
        Meta(description='Shares of the versions in the requests: {main: 90, v2: 10}. default: all to main.'),
    ] = {}
    version_parameter: Annotated[
        str,
        Meta(
            description='Parameter of requests that chooses a version by its name; default: callers cannot.'
        ),
    ] = ''
    from_environment: tuple[Reference, ...] = ()

    @property
    def least(self) -> int:
        """Replicas (of each shard) that there are from the start."""
        return self.replicas if isinstance(self.replicas, int) else self.replicas[0]

    @property
    def most(self) -> int:
        """Replicas (of each shard) that there may be."""
        return self.replicas if isinstance(self.replicas, int) else self.replicas[1]

    def __post_init__(self) -> None:
        if not self.needs:  # one way only to say "begins with the request"
            msgspec.structs.force_setattr(self, 'needs', (GATEWAY,))

    def __repr__(self) -> str:
        return described(self)

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [*shown(self).items()]


class FlowSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole Flow: executors, how they follow each other, and the gateway in front of them."""

    name: Annotated[str, Meta(description='Name of the Flow, shown in logs and on its pages.')] = 'flow'
    executors: Annotated[
        tuple[ExecutorSpec, ...], Meta(description='The components, each after those that it needs.')
    ] = ()
    gateway: Annotated[GatewaySpec, Meta(description='The front door.')] = GatewaySpec()
    workspace: Annotated[
        str | None, Meta(description='Folder for what executors keep; default: see HEADRACE_WORKSPACE.')
    ] = None
    env: Annotated[
        dict[str, str], Meta(description='Environment variables of every process of the Flow.')
    ] = {}
    timeout_ready_s: Annotated[
        Seconds, Meta(description='Seconds within which every executor must have started.')
    ] = 60.0
    timeout_stop_s: Annotated[
        Seconds, Meta(description='Seconds for accepted requests to finish at a stop, before it gets hard.')
    ] = 5.0
    observe: Annotated[
        ObserveSpec, Meta(description='What is to be seen of it: metrics, traces, logs, dashboard.')
    ] = ObserveSpec()
    place: Annotated[
        Place, Meta(description='local: one process per executor; in-process: all in the calling process.')
    ] = 'local'
    base: Annotated[
        str, Meta(description='Folder that relative paths in this Flow start from; that of its YAML file.')
    ] = ''
    from_environment: tuple[Reference, ...] = ()

    def __repr__(self) -> str:
        return described(self)

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [*shown(self).items()]

    def __getitem__(self, name: str) -> ExecutorSpec:
        """The executor of this name, or the version of one (encoder/v2); KeyError if there is none."""
        own, _, version = name.partition('/')
        for executor in self.executors:
            if executor.name == own:
                return executor.versions[version] if version else executor
        raise KeyError(name)
