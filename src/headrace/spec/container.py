"""What is wanted of a Flow's containers, as plain frozen data: image, resources, disk, place in a cluster."""

from __future__ import annotations

import re
from typing import Annotated, Any

from msgspec import Meta, Struct

from headrace.spec.quantities import FORM, Seconds

IMAGE = 'docker://'
"""How `uses` begins that is an image."""

_UNITS = {'': 1, 'K': 10**3, 'M': 10**6, 'G': 10**9, 'T': 10**12}
_UNITS |= {f'{unit}i': 1024**power for power, unit in enumerate('KMGT', start=1)}
_SIZE = re.compile(r'(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>[KMGT]?i?)B?', re.IGNORECASE)

Size = Annotated[
    str,
    Meta(
        pattern=r'^(\d+(\.\d+)?\s*[kKMGT]?i?B?)?$',
        extra={FORM: 'an amount of bytes such as 512M, 1.5G or 2Gi (K, M, G, T; with i by 1024)'},
    ),
]
"""An amount of memory or disk: 512M (millions of bytes), 512Mi (binary), 2G, 2Gi; '' is not said."""


class SecretRef(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One value of a secret that exists where the Flow will run."""

    name: Annotated[str, Meta(description='Name of the secret.', min_length=1)]
    key: Annotated[str, Meta(description='Which of its values.', min_length=1)]


class ClusterSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where in a Kubernetes cluster something runs, and how it grows there."""

    node_selector: Annotated[dict[str, str], Meta(description='Labels that its nodes must have.')] = {}
    tolerations: Annotated[
        tuple[dict[str, Any], ...], Meta(description='Taints of nodes that it puts up with, as in a Pod.')
    ] = ()
    spread: Annotated[
        tuple[str, ...],
        Meta(description='Labels of nodes over whose values its replicas are spread evenly.'),
    ] = ('kubernetes.io/hostname',)
    labels: Annotated[dict[str, str], Meta(description='Further labels of its Pods.')] = {}
    annotations: Annotated[dict[str, str], Meta(description='Annotations of its Pods.')] = {}
    priority_class: Annotated[str, Meta(description='Priority class of its Pods.')] = ''
    runtime_class: Annotated[str, Meta(description='Runtime class of its Pods (nvidia, gvisor).')] = ''
    storage_class: Annotated[str, Meta(description="Storage class of its disk; default: the cluster's.")] = ''
    gpu_resource: Annotated[str, Meta(description='What a GPU is called in the cluster.')] = 'nvidia.com/gpu'
    scale_on_cpu: Annotated[
        Annotated[int, Meta(ge=1, le=100)] | None,
        Meta(description='Percent of its requested processor time at which replicas [least, most] grow.'),
    ] = 70
    scale_on_queue: Annotated[
        Annotated[float, Meta(gt=0)] | None,
        Meta(
            description='Calls for each replica, at work and waiting, at which they grow; needs custom '
            'metrics or KEDA.'
        ),
    ] = None
    grace_s: Annotated[
        Seconds | None,
        Meta(
            description="Seconds that a Pod has to finish at its end; default: from the Flow's timeout_stop."
        ),
    ] = None


Image = Annotated[
    str, Meta(description='Image in which it runs when the Flow is exported; default: that of the export.')
]
"""The settings that gateways and executors share have their type, limits and description here."""

Processors = Annotated[
    Annotated[float, Meta(gt=0)] | None,
    Meta(description='Processors that each replica may use, where it runs in a container.'),
]
Memory = Annotated[
    Size, Meta(description='Memory that each replica may use, where it runs in a container: 512M, 2Gi.')
]
SecretVariables = Annotated[
    dict[str, SecretRef],
    Meta(description='Variables from secrets where it will run: {TOKEN: {name: shop, key: token}}.'),
]
InCluster = Annotated[ClusterSpec, Meta(description='Where in a cluster it runs, and how it grows there.')]


def image_of(uses: object) -> str:
    """The image that `uses` names; '' if it is none.

    >>> image_of('docker://shop/encoder:1.2'), image_of('encoder.py:Encoder')
    ('shop/encoder:1.2', '')
    """
    return uses.removeprefix(IMAGE) if isinstance(uses, str) and uses.startswith(IMAGE) else ''


def bytes_of(size: str) -> int:
    """An amount as bytes; 0 if nothing is said.

    >>> bytes_of('512M'), bytes_of('1.5Gi'), bytes_of('')
    (512000000, 1610612736, 0)

    Raises ValueError for what is no amount.
    """
    if not size:
        return 0
    found = _SIZE.fullmatch(size.strip())
    if found is None:
        raise ValueError(f'{size!r} is no amount of bytes: write 512M, 512Mi, 2G or 2Gi')
    unit = found['unit'][:1].upper() + found['unit'][1:].lower()
    return int(float(found['number']) * _UNITS[unit])
