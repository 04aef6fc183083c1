"""What an executor or a Flow offers, as plain data that travels between processes."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from headrace.documents.schema import DocSchema
from headrace.spec.batching import SettledBatching

DEFAULT_ENDPOINT = '/default'
"""Where an executor's handler without `on=` answers: every endpoint that it has no own handler for."""
LONGEST_NAME = 1024
"""Characters of an endpoint, and of a target: clients choose them, and logs and errors carry them."""

Kind = Literal['docs', 'doc', 'stream']


class EndpointInfo(msgspec.Struct, frozen=True):
    """One endpoint: its name, the documents it takes and gives, and its parameters as JSON Schema.

    `batching` says how an executor puts requests together; None if it takes each alone. `idempotent` says
    whether a request may run twice (if a replica dies over it, it is sent to another), `all_shards` whether
    an answer without one of the shards is an error, `reads_inputs` that it wants to see each input of a join,
    `takes_each` that it is called for each document: where there is none, nothing is done.
    """

    name: str
    kind: Kind
    input: DocSchema
    output: DocSchema
    parameters: dict[str, Any] | None = None
    doc: str = ''
    batching: SettledBatching | None = None
    idempotent: bool = True
    all_shards: bool = False
    reads_inputs: bool = False
    takes_each: bool = False

    def __repr__(self) -> str:
        return f'<{self.name}: {self.input.name} -> {self.output.name}>'


class ExecutorInfo(msgspec.Struct, frozen=True):
    """One executor and its endpoints; `versions` are others that may answer in its place."""

    name: str
    endpoints: tuple[EndpointInfo, ...]
    doc: str = ''
    versions: tuple[ExecutorInfo, ...] = ()

    @property
    def by_version(self) -> dict[str, ExecutorInfo]:
        """What every version offers itself, by its name in the Flow: encoder, encoder/v2."""
        return {self.name: self, **{version.name: version for version in self.versions}}

    def endpoint(self, name: str) -> EndpointInfo | None:
        """The endpoint that answers `name`: its own, or the default one, or None (it passes through)."""
        own = default = None
        for endpoint in self.endpoints:
            if endpoint.name == name:
                own = endpoint
            elif endpoint.name == DEFAULT_ENDPOINT:
                default = endpoint
        return own or default

    def __repr__(self) -> str:
        return f'<{self.name}: {" ".join(endpoint.name for endpoint in self.endpoints)}>'


class FlowInfo(msgspec.Struct, frozen=True):
    """A whole Flow as its gateway shows it: an endpoint has the first's input and the last's output."""

    name: str
    executors: tuple[ExecutorInfo, ...]
    endpoints: tuple[EndpointInfo, ...]
    title: str = ''
    description: str = ''

    def __repr__(self) -> str:
        return f'<{self.name}: {", ".join(repr(endpoint).strip("<>") for endpoint in self.endpoints)}>'
