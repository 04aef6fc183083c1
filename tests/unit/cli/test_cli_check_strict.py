"""`headrace check --strict`: what would start and should not go to production."""

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from headrace.cli import main
from headrace.spec import ExecutorSpec, FlowSpec, GatewaySpec
from headrace.spec.strict import findings, images

SOUND = {'cpus': 1.0, 'memory': '512M'}
NO_LIMITS = {'cpus': None, 'memory': ''}


def said(*executors, **gateway):
    return [
        f'{found.of} {found.says}'
        for found in findings(FlowSpec(executors=executors, gateway=GatewaySpec(**{**SOUND, **gateway})))
    ]


def test_what_is_limited_pinned_and_closed_is_sound():
    assert (
        said(ExecutorSpec(name='a', uses='docker://shop/a:1', image=f'shop@sha256:{"0" * 64}', **SOUND)) == []
    )


@pytest.mark.parametrize(
    ('executor', 'gateway', 'expected'),
    [
        ({'cpus': None}, {}, 'a may use every processor'),
        ({'memory': ''}, {}, 'a may use all memory'),
        ({}, {'cpus': None}, 'gateway may use every processor'),
        ({'reload': True}, {}, 'a starts anew when its code changes'),
        ({'uses': 'docker://shop/a'}, {}, 'a runs shop/a, which may be another one tomorrow'),
        ({'uses_after': 'docker://host:5000/a'}, {}, 'a runs host:5000/a, which may be another one tomorrow'),
        ({'image': 'shop:latest'}, {}, 'a runs shop:latest, which may be another one tomorrow'),
        ({}, {'host': '0.0.0.0', 'insecure': True}, 'gateway lets everybody in'),
        ({}, {'development': True}, 'gateway shows clients where code failed'),
    ],
)
def test_what_is_not_is_told(executor, gateway, expected):
    assert said(ExecutorSpec(name='a', **{**SOUND, **executor}), **gateway) == [expected]


def test_versions_are_looked_at_as_executors_are():
    main = ExecutorSpec(name='a', uses='docker://shop/a:1', **SOUND)
    version = replace(
        main, name='a/v2', uses='docker://shop/e:latest', uses_after='docker://Me', reload=True, **NO_LIMITS
    )
    executor = replace(main, versions={'v2': version})
    assert said(executor) == [
        'a/v2 may use every processor',
        'a/v2 may use all memory',
        'a/v2 runs shop/e:latest, which may be another one tomorrow',
        "a/v2 names 'Me', which is no image",
        'a/v2 starts anew when its code changes',
    ]
    assert images(FlowSpec(executors=(executor,))) == ['shop/a:1', 'shop/e:latest', 'Me']


def test_help_names_the_image_without_the_tag_that_it_has():
    flow = FlowSpec(executors=(ExecutorSpec(name='a', uses='docker://host:5000/a:latest', **SOUND),))
    assert [each.help for each in findings(flow) if each.of == 'a'] == ['host:5000/a:VERSION']


def test_what_has_no_process_needs_no_limits():
    elsewhere = ExecutorSpec(name='b', external=True, host=('there',), port=(1,))
    assert said(ExecutorSpec(name='a', join=True), elsewhere) == []


def test_every_image_is_named_once():
    first = ExecutorSpec(name='a', uses='docker://shop:1', uses_before='docker://before:1', image='run:1')
    flow = FlowSpec(executors=(first, ExecutorSpec(name='b', uses='docker://shop:1')))
    assert images(flow) == ['run:1', 'shop:1', 'before:1']


def test_without_an_engine_it_says_that_images_are_not_looked_for(tmp_path, monkeypatch):
    monkeypatch.setenv('PATH', str(tmp_path))
    monkeypatch.delenv('HEADRACE_ENGINE', raising=False)
    flow = tmp_path / 'flow.yml'
    flow.write_text(
        'gateway: {cpus: 1, memory: 1G}\nexecutors: [{name: a, cpus: 1, memory: 1G, image: "a:1"}]\n'
    )
    told = CliRunner().invoke(main, ['check', str(flow), '--strict'])
    assert told.exit_code == 0
    assert 'whether images are there is not known: no container engine answers' in told.output


def test_an_engine_that_does_not_tell_lacks_no_image(tmp_path, monkeypatch):
    docker = tmp_path / 'docker'
    version = '{"Server": {"Version": "20.10.24"}}'
    docker.write_text(
        f"#!/bin/sh\n[ $1 = version ] && echo '{version}' && exit 0\necho 'permission denied' >&2\nexit 1\n"
    )
    docker.chmod(0o755)
    monkeypatch.setenv('HEADRACE_ENGINE', str(docker))
    flow = tmp_path / 'flow.yml'
    flow.write_text(
        'gateway: {cpus: 1, memory: 1G}\nexecutors: [{name: a, cpus: 1, memory: 1G, image: "a:1"}]\n'
    )
    told = CliRunner().invoke(main, ['check', str(flow), '--strict'])
    assert told.exit_code == 0, told.output
    assert 'whether images are there is not known: docker does not tell of the image a:1' in told.output


def test_a_pipeline_needs_no_gpu(tmp_path, monkeypatch):
    monkeypatch.setenv('PATH', str(tmp_path))  # no nvidia-smi
    flow = tmp_path / 'flow.yml'
    flow.write_text('gateway: {cpus: 1, memory: 1G}\nexecutors: [{name: a, cpus: 1, memory: 1G, gpus: 1}]\n')
    assert CliRunner().invoke(main, ['check', str(flow), '--strict']).exit_code == 0
    here = CliRunner().invoke(main, ['check', str(flow)])
    assert here.exit_code == 1
    assert 'GPU' in here.output
