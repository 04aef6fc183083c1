"""The keyword arguments of `Flow()`, `.add()` and `.config_gateway()`, for editors and type checkers.

They are those of the records in `headrace.spec`, which describe and check them; a test keeps the two equal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict

Protocol = Literal['grpc', 'http', 'websocket', 'graphql']
OneOrMany = str | Sequence[str]


class GatewaySettings(TypedDict, total=False):
    """Settings of the front door."""

    protocol: Protocol | Sequence[Protocol]
    port: int | Sequence[int]
    host: str
    title: str
    description: str
    cors: bool | OneOrMany
    prefetch: int
    timeout_s: float | None
    max_body_bytes: int
    replicas: int
    max_requests: int
    max_bytes: int
    limits: Mapping[str, Any]
    unknown_fields: Literal['misspelt', 'refuse', 'drop']
    expose: Any
    static: Mapping[str, str]
    prefix: str
    trusted_proxies: OneOrMany
    compress: bool
    apps: Mapping[str, str]
    uses: Any
    uses_with: Mapping[str, Any]
    graphql: Mapping[str, Any]
    security: Mapping[str, Any]
    insecure: bool
    development: bool
    image: str
    cpus: float
    memory: str
    env_from_secret: Mapping[str, Any]
    kubernetes: Mapping[str, Any]


class FlowSettings(GatewaySettings, total=False):
    """Settings of a Flow, those of its gateway among them."""

    workspace: str
    env: Mapping[str, Any]
    timeout_ready_s: float
    timeout_stop_s: float
    place: Literal['local', 'in-process']
    observe: Mapping[str, Any]


class ExecutorSettings(TypedDict, total=False):
    """Settings of one executor."""

    uses_with: Mapping[str, Any]
    uses_metas: Mapping[str, Any]
    uses_requests: Mapping[str, str]
    uses_dynamic_batching: Mapping[str, Any]
    py_modules: OneOrMany
    workspace: str
    env: Mapping[str, Any]
    timeout_ready_s: float
    allow_concurrent: bool
    replicas: int | Sequence[int]
    shards: int
    polling: str | Mapping[str, str]
    uses_before: Any
    uses_after: Any
    no_reduce: bool
    when: Mapping[str, Any]
    floating: bool
    external: bool
    host: OneOrMany
    port: int | Sequence[int]
    tls: bool | str
    allow_uris: OneOrMany
    gpus: str | int | Sequence[int | str]
    threads: int | None
    sticky: str
    retries: int
    max_queue: int
    log_level: Literal['DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL']
    reload: bool
    image: str
    volumes: OneOrMany
    entrypoint: OneOrMany
    cpus: float
    memory: str
    storage: str
    env_from_secret: Mapping[str, Any]
    kubernetes: Mapping[str, Any]
    versions: Mapping[str, Mapping[str, Any]]
    weights: Mapping[str, float]
    version_parameter: str
