"""What is wanted of traces, and what OpenTelemetry's variables say; out: what a process has to know.

What a Flow says counts; what it leaves open, these standard variables may say: OTEL_SDK_DISABLED,
OTEL_TRACES_SAMPLER and its _ARG, OTEL_EXPORTER_OTLP_PROTOCOL, OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES
here, and in OpenTelemetry's own exporters OTEL_EXPORTER_OTLP_ENDPOINT, _HEADERS, _CERTIFICATE, _COMPRESSION.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headrace.errors import SpecError
from headrace.observe.tracing.settings import Protocol, Settings
from headrace.spec import environment
from headrace.spec.observe import TracesSpec

SAMPLERS = {'always_on': 1.0, 'always_off': 0.0}
PROTOCOLS: dict[str, Protocol] = {'grpc': 'grpc', 'http/protobuf': 'http'}
TIMEOUT_MS = 10_000.0


def tracing_settings(
    spec: TracesSpec,
    *,
    flow: str,
    service: str,
    process: str,
    variables: Mapping[str, str] | None = None,
) -> Settings | None:
    """How one process of a Flow traces; None if it does not. `service` is its role, `process` its name.

    Raises SpecError for a variable that cannot be used.

    >>> tracing_settings(TracesSpec(), flow='shop', service='gateway', process='gateway') is None
    True
    """
    known = environment.variables() if variables is None else variables
    is_wanted = bool(spec.endpoint) if spec.enabled is None else spec.enabled
    if not is_wanted or known.get('OTEL_SDK_DISABLED', '').strip().lower() == 'true':
        return None
    sample, follows = _sampling(spec, known)
    return Settings(
        endpoint=spec.endpoint,
        protocol=spec.protocol or _protocol(known),
        headers=dict(spec.headers),
        sample=sample,
        follows=follows,
        queue=spec.queue,
        timeout_s=_timeout_s(known),
        resource=_resource(spec, known, flow=flow, service=service, process=process),
    )


def _sampling(spec: TracesSpec, known: Mapping[str, str]) -> tuple[float, bool]:
    """The part of the requests that is traced, and whether the decision of a caller counts."""
    name = known.get('OTEL_TRACES_SAMPLER', '').strip()
    if spec.sample is not None or not name:
        return 1.0 if spec.sample is None else spec.sample, spec.follow
    bare = name.removeprefix('parentbased_')
    if bare == 'traceidratio':
        return _number(known, 'OTEL_TRACES_SAMPLER_ARG', 1.0, most=1.0), spec.follow and bare != name
    if bare not in SAMPLERS:
        raise SpecError(
            f'OTEL_TRACES_SAMPLER={name!r} is not known here',
            help=f'it is one of {", ".join([*SAMPLERS, "traceidratio"])}, or one of these after parentbased_',
        )
    return SAMPLERS[bare], spec.follow and bare != name


def _protocol(known: Mapping[str, str]) -> Protocol:
    for name in ('OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', 'OTEL_EXPORTER_OTLP_PROTOCOL'):
        text = known.get(name, '').strip()
        if text:
            if text not in PROTOCOLS:
                raise SpecError(f'{name}={text!r} is not known here', help=f'one of {", ".join(PROTOCOLS)}')
            return PROTOCOLS[text]
    return 'grpc'


def _timeout_s(known: Mapping[str, str]) -> float:
    """The variables have it in milliseconds."""
    for name in ('OTEL_EXPORTER_OTLP_TRACES_TIMEOUT', 'OTEL_EXPORTER_OTLP_TIMEOUT'):
        if known.get(name, '').strip():
            return _number(known, name, TIMEOUT_MS) / 1000
    return TIMEOUT_MS / 1000


def _resource(
    spec: TracesSpec, known: Mapping[str, str], *, flow: str, service: str, process: str
) -> dict[str, str]:
    """Who tells: what OpenTelemetry's variables say, it adds itself."""
    found: dict[str, Any] = {'service.namespace': flow, 'service.instance.id': process}
    said = known.get('OTEL_RESOURCE_ATTRIBUTES', '')
    names = {each.partition('=')[0].strip() for each in said.split(',')}
    if spec.service:
        found['service.name'] = spec.service
    elif not known.get('OTEL_SERVICE_NAME') and 'service.name' not in names:
        found['service.name'] = service
    return {name: value for name, value in found.items() if name not in names or name == 'service.name'}


def _number(known: Mapping[str, str], name: str, otherwise: float, *, most: float | None = None) -> float:
    text = known.get(name, '').strip()
    try:
        number = float(text) if text else otherwise
    except ValueError:
        number = -1.0
    if not 0 <= number <= (number if most is None else most):
        raise SpecError(f'{name}={text!r} cannot be used', help='it is a number from 0 on')
    return number
