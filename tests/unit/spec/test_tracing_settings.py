"""A Flow's traces, and OpenTelemetry's variables; out: what a process has to know."""

from __future__ import annotations

from typing import Any

import pytest

from headrace import Flow
from headrace.errors import SpecError
from headrace.flow.building import to_yaml
from headrace.observe.tracing import Settings
from headrace.spec.observe import TracesSpec
from headrace.spec.tracing import tracing_settings

HERE = 'http://collector:4317'


def settings(spec: TracesSpec | None = None, **variables: str) -> Settings | None:
    return tracing_settings(
        spec or TracesSpec(endpoint=HERE),
        flow='shop',
        service='encoder',
        process='encoder/rep-1',
        variables=variables,
    )


def made(spec: TracesSpec | None = None, **variables: str) -> Settings:
    found = settings(spec, **variables)
    assert found is not None
    return found


def test_nothing_is_traced_unless_somebody_says_so():
    assert settings(TracesSpec()) is None
    assert settings(TracesSpec(), OTEL_EXPORTER_OTLP_ENDPOINT=HERE) is None
    assert settings(TracesSpec(endpoint=HERE, enabled=False)) is None
    assert made(TracesSpec(enabled=True)).endpoint == ''
    assert made().endpoint == HERE


def test_opentelemetry_can_be_switched_off_from_outside():
    assert settings(OTEL_SDK_DISABLED='true') is None
    assert settings(OTEL_SDK_DISABLED='false') is not None


def test_who_tells():
    assert made().resource == {
        'service.namespace': 'shop',
        'service.name': 'encoder',
        'service.instance.id': 'encoder/rep-1',
    }
    assert made(TracesSpec(endpoint=HERE, service='all')).resource['service.name'] == 'all'
    assert 'service.name' not in made(OTEL_SERVICE_NAME='mine').resource
    given = made(OTEL_RESOURCE_ATTRIBUTES='service.name=mine,service.namespace=theirs,team=a').resource
    assert given == {'service.instance.id': 'encoder/rep-1'}


@pytest.mark.parametrize(
    ('variables', 'expected'),
    [
        ({}, (1.0, True)),
        ({'OTEL_TRACES_SAMPLER': 'always_on'}, (1.0, False)),
        ({'OTEL_TRACES_SAMPLER': 'always_off'}, (0.0, False)),
        ({'OTEL_TRACES_SAMPLER': 'parentbased_always_off'}, (0.0, True)),
        ({'OTEL_TRACES_SAMPLER': 'traceidratio', 'OTEL_TRACES_SAMPLER_ARG': '0.25'}, (0.25, False)),
        ({'OTEL_TRACES_SAMPLER': 'parentbased_traceidratio', 'OTEL_TRACES_SAMPLER_ARG': '0.5'}, (0.5, True)),
        ({'OTEL_TRACES_SAMPLER': 'parentbased_traceidratio'}, (1.0, True)),
    ],
)
def test_the_sampler_of_the_variables(variables, expected):
    found = made(**variables)
    assert (found.sample, found.follows) == expected


def test_the_flow_wins_over_the_variables():
    own = TracesSpec(endpoint=HERE, sample=0.1, protocol='http', follow=False)
    found = made(own, OTEL_TRACES_SAMPLER='always_on', OTEL_EXPORTER_OTLP_PROTOCOL='grpc')
    assert (found.sample, found.protocol, found.follows) == (0.1, 'http', False)


def test_the_protocol_and_the_time_of_the_variables():
    assert made().protocol == 'grpc'
    assert made(OTEL_EXPORTER_OTLP_PROTOCOL='http/protobuf').protocol == 'http'
    both = {'OTEL_EXPORTER_OTLP_PROTOCOL': 'http/protobuf', 'OTEL_EXPORTER_OTLP_TRACES_PROTOCOL': 'grpc'}
    assert made(**both).protocol == 'grpc'
    assert made(OTEL_EXPORTER_OTLP_TIMEOUT='2500').timeout_s == 2.5


@pytest.mark.parametrize(
    'variables',
    [
        {'OTEL_TRACES_SAMPLER': 'sometimes'},
        {'OTEL_TRACES_SAMPLER': 'traceidratio', 'OTEL_TRACES_SAMPLER_ARG': 'half'},
        {'OTEL_TRACES_SAMPLER': 'traceidratio', 'OTEL_TRACES_SAMPLER_ARG': '1.5'},
        {'OTEL_EXPORTER_OTLP_PROTOCOL': 'http/json'},
        {'OTEL_EXPORTER_OTLP_TIMEOUT': 'soon'},
    ],
)
def test_a_variable_that_cannot_be_used_is_named(variables):
    name = next(reversed(variables))
    with pytest.raises(SpecError, match=name):
        settings(**variables)


SECRET = 'very-secret-key'


def test_headers_of_a_file_are_shown_as_they_are_written(monkeypatch):
    monkeypatch.setenv('COLLECTOR_KEY', SECRET)
    flow: Any = Flow.load_config(
        """
jtype: Flow
with:
  observe:
    traces:
      endpoint: https://collector:4317
      headers: {api-key: '${{ ENV.COLLECTOR_KEY }}'}
"""
    )
    assert flow.spec.observe.traces.headers == {'api-key': SECRET}
    for told in (repr(flow.spec), repr(flow), to_yaml(flow.spec), str(flow.plan())):
        assert SECRET not in told
    assert '${{ ENV.COLLECTOR_KEY }}' in to_yaml(flow.spec)
    assert 'ENV.COLLECTOR_KEY' in repr(flow.spec)


def test_headers_of_a_program_are_not_shown():
    flow = Flow(observe={'traces': {'endpoint': HERE, 'headers': {'api-key': SECRET}}})
    assert SECRET not in repr(flow.spec)
    assert SECRET not in repr(made(flow.spec.observe.traces))
