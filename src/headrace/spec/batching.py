"""What is wanted of the batches of an endpoint, as plain frozen data: their size, how long they wait."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct
from msgspec.structs import replace


class BatchingSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the requests of one endpoint are put together into batches; what is not said stays as it was.

    >>> BatchingSpec(preferred_batch_size=32).settled().max_queue
    1024
    """

    preferred_batch_size: Annotated[
        Annotated[int, Meta(gt=0)] | None,
        Meta(description='Documents (or sum of the custom metric) that a batch has at most; default: 64.'),
    ] = None
    max_wait_ms: Annotated[
        Annotated[float, Meta(ge=0)] | None,
        Meta(
            description='Milliseconds that a request waits at most for others while the executor is free; '
            'most wait much less. default: 100.'
        ),
    ] = None
    flush_all: Annotated[
        bool | None, Meta(description='Take all that waits at once, however much it is; default: false.')
    ] = None
    use_custom_metric: Annotated[
        bool | None,
        Meta(description='Measure batches with the custom metric, if there is one; default: true.'),
    ] = None
    use_dynamic_batching: Annotated[
        bool | None, Meta(description='Whether requests are batched at all; default: true.')
    ] = None
    max_queue: Annotated[
        Annotated[int, Meta(gt=0)] | None,
        Meta(description='Requests that are here at most; more are refused as Overloaded. default: 1024.'),
    ] = None
    max_queue_bytes: Annotated[
        Annotated[int, Meta(gt=0)] | None,
        Meta(
            description='Bytes of requests that are here at most (one request may be larger alone); more are '
            'refused as Overloaded. default: 1 GiB.'
        ),
    ] = None
    parallel_batches: Annotated[
        Annotated[int, Meta(gt=0)] | None,
        Meta(
            description='Batches that run at a time; more than one needs an `async def`, or an executor with '
            'allow_concurrent. default: 1.'
        ),
    ] = None
    custom_metric: Annotated[
        str | None,
        Meta(
            description='What a document counts: the name of a method of the executor, or module:function; '
            'default: what the decorator says, else 1.'
        ),
    ] = None

    def under(self, other: BatchingSpec) -> BatchingSpec:
        """These settings, and over them those that `other` says."""
        return replace(self, **other.said())

    def settled(self) -> SettledBatching:
        """Every setting with a value."""
        return SettledBatching(**self.said())

    def said(self) -> dict[str, Any]:
        """The settings that were said."""
        values = {name: getattr(self, name) for name in self.__struct_fields__}
        return {name: value for name, value in values.items() if value is not None}


class SettledBatching(Struct, frozen=True, kw_only=True):
    """A `BatchingSpec` in which everything is decided."""

    preferred_batch_size: int = 64
    max_wait_ms: float = 100.0
    flush_all: bool = False
    use_custom_metric: bool = True
    use_dynamic_batching: bool = True
    max_queue: int = 1024
    max_queue_bytes: int = 1024**3
    parallel_batches: int = 1
    custom_metric: str = ''
