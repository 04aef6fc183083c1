"""A Flow in; out, what would let it start and should not go to production all the same."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from headrace.spec.container import image_of
from headrace.spec.exposure import is_loopback
from headrace.spec.gateway import GatewaySpec
from headrace.spec.imagename import is_image, says_version, without_version
from headrace.spec.records import ExecutorSpec, FlowSpec
from headrace.spec.versions import each_version


class Finding(Struct, frozen=True):
    """What is missing, of whom, and what to do."""

    of: str
    says: str
    help: str


def findings(spec: FlowSpec) -> list[Finding]:
    """What `headrace check --strict` refuses: no limits, images that may change, everybody let in.

    >>> [(found.of, found.says) for found in findings(FlowSpec(executors=(ExecutorSpec(name='a'),)))][:2]
    [('gateway', 'may use every processor'), ('gateway', 'may use all memory')]
    """
    executors = (found for each in each_version(spec.executors) for found in _of_executor(each))
    return [*_of_gateway(spec.gateway), *executors]


def images(spec: FlowSpec) -> list[str]:
    """Every image that the Flow names, those of versions too, once.

    >>> images(FlowSpec(executors=(ExecutorSpec(name='a', uses='docker://shop/a:1'),)))
    ['shop/a:1']
    """
    named = [spec.gateway.image]
    for executor in each_version(spec.executors):
        named += [executor.image, *map(image_of, (executor.uses, executor.uses_before, executor.uses_after))]
    return [image for image in dict.fromkeys(named) if image]


def _of_gateway(gateway: GatewaySpec) -> Iterator[Finding]:
    yield from _of_both('gateway', gateway)
    if gateway.insecure and not gateway.security.authenticates:
        yield Finding('gateway', 'lets everybody in', 'say who may come in: headrace run --secure shows how')
    elif not is_loopback(gateway.host) and gateway.security.tls is None and not gateway.trusted_proxies:
        yield Finding(
            'gateway',
            f'is open at {gateway.host} without TLS, and names no proxy that has it',
            'security: {tls: {certificate: ..., key: ...}}, or trusted_proxies: [10.0.0.0/8]',
        )
    if gateway.development:
        yield Finding('gateway', 'shows clients where code failed', 'take out development: true')


def _of_executor(executor: ExecutorSpec) -> Iterator[Finding]:
    if executor.join or executor.external:
        return
    yield from _of_both(executor.name, executor)
    if executor.reload:
        yield Finding(executor.name, 'starts anew when its code changes', 'take out reload: true')


def _of_both(name: str, spec: GatewaySpec | ExecutorSpec) -> Iterator[Finding]:
    if spec.cpus is None:
        yield Finding(name, 'may use every processor', 'cpus: 1')
    if not spec.memory:
        yield Finding(name, 'may use all memory', 'memory: 512M')
    named = [spec.image]
    if isinstance(spec, ExecutorSpec):
        named += map(image_of, (spec.uses, spec.uses_before, spec.uses_after))
    for image in filter(None, named):
        if not is_image(image):
            yield Finding(name, f'names {image!r}, which is no image', 'registry.example/shop:1.2')
        elif not says_version(image):
            help = f'{without_version(image)}:VERSION'
            yield Finding(name, f'runs {image}, which may be another one tomorrow', help)
