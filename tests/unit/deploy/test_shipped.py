"""What each container of a Flow runs, is told and is given."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from headrace.deploy.shipped import Shipped, notes, notes_on_paths, ship
from headrace.errors import SpecError
from headrace.spec import ExecutorSpec, FlowSpec, load_flow
from headrace.spec.container import SecretRef
from headrace.spec.substitute import Variable


def shipped(text: str, variables: dict[str, str] | None = None, **settings: Any) -> dict[str, Shipped]:
    flow = load_flow(text, variables=variables or {})
    found = ship(flow, lambda member: f'net-{member.name}', **{'image': 'shop:1', **settings})
    return {each.member.name: each for each in found}


def test_the_gateway_is_told_where_every_target_is() -> None:
    found = shipped("""
executors:
  - {name: encoder, uses: 'm:A'}
  - {name: both, join: true, needs: [encoder]}
  - {name: my_index, uses: 'm:B', shards: 2, uses_after: 'm:C', needs: both}
  - {name: far, external: true, host: 'grpc://far:1', needs: my_index}
""")
    assert list(found) == ['gateway', 'encoder', 'my-index-0', 'my-index-1', 'my-index-after']
    command = ' '.join(found['gateway'].command)
    assert command == (
        'headrace gateway /etc/headrace/flow.yml --base /app --health 0.0.0.0:9091 --linger 5'
        ' --at encoder=dns:net-encoder:9090 --at my_index=dns:net-my-index-0:9090'
        ' --at my_index/shard-1=dns:net-my-index-1:9090 --at my_index/after=dns:net-my-index-after:9090'
    )
    worker = (
        'headrace worker /etc/headrace/flow.yml my_index {} --base /app --health 0.0.0.0:9091 --listen {}'
    )
    listen = 'tcp:0.0.0.0:9090'
    assert ' '.join(found['my-index-1'].command) == worker.format('--shard 1', listen)
    assert ' '.join(found['my-index-after'].command) == worker.format('--part after', listen)
    assert [each.name for each in load_flow(found['gateway'].flow).executors] == [
        *('encoder', 'both', 'my_index', 'far')
    ]


def test_an_executor_that_is_an_image_runs_in_it() -> None:
    found = shipped("""
executors:
  - {name: a, uses: 'docker://shop/a:2', entrypoint: [tini, headrace]}
  - {name: b, uses: 'm:B', image: 'shop/b:3'}
  - {name: c, uses: 'm:C'}
""")
    assert [each.image for each in found.values()] == ['shop:1', 'shop/a:2', 'shop/b:3', 'shop:1']
    assert found['a'].command[:3] == ('tini', 'headrace', 'worker')
    assert 'docker://shop/a:2' in found['a'].flow
    with pytest.raises(SpecError, match='nobody says which image'):
        shipped('executors: [{name: a}]', image='')


DIGEST = f'sha256:{"0a" * 32}'


@pytest.mark.parametrize(
    'image',
    [
        *(
            'shop',
            'shop:1.2',
            'a/b/c:1',
            'registry.example:5000/shop',
            'localhost/a__b-c.d:V1',
            '[::1]:5000/a:1',
        ),
        *(f'shop@{DIGEST}', f'Registry.Example/shop:1@{DIGEST}', DIGEST),
    ],
)
def test_names_of_images_are_taken(image: str) -> None:
    assert shipped('executors: [{name: a}]', image=image)['a'].image == image


@pytest.mark.parametrize(
    'image',
    [
        *(
            'bad image',
            'Shop:1',
            'shop:',
            'shop:-1',
            'shop:1:2',
            '/shop',
            'shop/',
            'https://a.b/shop',
            ' shop',
        ),
        *('-shop', 'a//b', 'shop@sha256:12', 'shop:1\n', '--rm', 'a..b', 'ö:1', f'shop:{"1" * 129}'),
    ],
)
def test_what_is_no_name_of_an_image_is_refused(image: str) -> None:
    with pytest.raises(SpecError, match='gateway: .* is no name of an image'):
        shipped('executors: [{name: a}]', image=image)
    with pytest.raises(SpecError, match='a: .* is no name of an image'):
        ship(FlowSpec(executors=(ExecutorSpec(name='a', image=image),)), lambda each: each.name, image='b:1')


def test_an_image_without_a_version_is_told_once() -> None:
    flow = load_flow(
        f"executors: [{{name: a, image: 'r:5/a'}}, {{name: b}}, {{name: c, image: 'c@{DIGEST}'}}, "
        "{name: d, image: 'd:latest'}]"
    )
    said = [note for note in notes(flow, image='shop') if 'without a version' in note]
    assert [note.split(': ')[0] for note in said] == ['image shop', 'image r:5/a', 'image d:latest']
    assert not any(
        'without a version' in note for note in notes(load_flow('executors: [{name: a}]'), image='a:1')
    )


def test_versions_are_told_of_as_executors_are(tmp_path: Path) -> None:
    flow = load_flow(f"""
executors:
  - name: a
    uses_with: {{model: /nowhere/at/all}}
    versions:
      v2: {{uses_with: {{model: '{tmp_path}'}}, volumes: ['/models:/models'], workspace: own}}
      v3: {{storage: 1Gi, workspace: own, uses: 'docker://shop/e:latest'}}
""")
    said = [*notes(flow, image='shop:1'), *notes_on_paths(flow, os.path.exists)]
    assert [note.partition(', what runs')[0] for note in said] == [
        'image shop/e:latest: without a version or digest',
        "executor 'a/v2': volumes are those of this machine: ('/models:/models',)",
        "executor 'a/v2': its workspace ends with its container without storage",
        f"executor 'a/v2': model is {tmp_path}, a path of this machine",
    ]


def test_the_environment_is_texts_and_names_of_what_is_secret() -> None:
    found = shipped(
        """
with: {env: {LEVEL: '3', WHO: '${{ ENV.USER_NAME }}'}}
executors:
  - name: a
    cpus: 1.5
    env: {URL: 'https://${{ ENV.USER_NAME }}:${{ ENV.PASSWORD }}@store', CUDA_VISIBLE_DEVICES: RR}
    env_from_secret: {KEY: {name: store, key: key}}
    uses_with: {token: '${{ ENV.TOKEN }}'}
    uses_after: 'm:B'
  - {name: b, threads: 3}
""",
        {'USER_NAME': 'me', 'PASSWORD': 'pa$$', 'TOKEN': 'abc'},
    )
    env = found['a'].env
    name, password = Variable('USER_NAME'), Variable('PASSWORD')
    assert env['URL'] == ('https://', name, ':', password, '@store')
    assert (env['WHO'], env['LEVEL'], env['HEADRACE_WORKSPACE']) == ((name,), ('3',), ('/data',))
    assert env['KEY'] == SecretRef(name='store', key='key') == found['a-after'].env['KEY']
    assert 'CUDA_VISIBLE_DEVICES' not in env
    assert (env['OMP_NUM_THREADS'], found['b'].env['OMP_NUM_THREADS']) == (('2',), ('3',))
    assert found['a'].variables == ('TOKEN',)
    assert found['a'].taken == ('PASSWORD', 'TOKEN', 'USER_NAME')
    assert found['a-after'].variables == found['b'].variables == found['gateway'].variables == ()
    assert found['b'].taken == found['gateway'].taken == ('USER_NAME',)


def test_what_is_at_home_here_is_something_else_there(tmp_path: Path) -> None:
    (tmp_path / 'flow.yml').write_text(f"""
with:
  workspace: here
  protocol: [grpc, http]
  port: [0, 80]
  static: {{/: {tmp_path}/page, /more: /elsewhere}}
  security: {{keys: k.json, audit: calls.log}}
  observe: {{record: {{path: a/traffic.hrec}}}}
executors:
  - name: a
    uses: '{tmp_path}/shop.py:A'
    uses_with: {{folder: '{tmp_path}'}}
    workspace: own
    gpus: 1
    volumes: ['/models:/models']
""")
    flow = load_flow(tmp_path / 'flow.yml')
    gateway, worker = ship(flow, lambda member: member.name, image='shop:1')
    there = load_flow(gateway.flow)
    assert there.gateway.static == {'/': 'page', '/more': '/elsewhere'}
    assert (there.gateway.host, there.gateway.doors) == ('0.0.0.0', {'grpc': 50051, 'http': 8080})
    assert there.gateway.security.keys == '/run/secrets/headrace/keys/keys.json'
    assert there.gateway.security.audit == ''
    assert there.observe.record.path == '/data/traffic.hrec'
    assert [(door.name, door.outside) for door in gateway.doors] == [('grpc', 50051), ('http', 80)]
    told = load_flow(worker.flow)
    assert (told['a'].uses, told['a'].workspace, told.workspace) == ('shop.py:A', None, None)
    assert (told['a'].gpus, worker.gpus) == ('', 1)
    assert told.observe.record.path == ''
    said = '\n'.join((*notes(flow), *notes_on_paths(flow, os.path.exists)))
    assert all(
        word in said for word in ('audit', 'record', 'volumes', 'workspace', 'folder is', '/elsewhere')
    )


@pytest.mark.parametrize(
    ('gpus', 'more', 'each'),
    [
        ('2', '', 2),
        ('RR', ', replicas: 4', 1),
        ('[0, 1, 2, 3]', ', replicas: 2', 2),
        ('[0]', ', shards: 2', 1),
    ],
)
def test_gpus_are_counted_for_each_replica(gpus: str, more: str, each: int) -> None:
    found = shipped(f'executors: [{{name: a, gpus: {gpus}{more}}}]')
    assert {member.gpus for name, member in found.items() if name != 'gateway'} == {each}


def test_doors_never_share_a_port() -> None:
    found = shipped('gateway: {protocol: [grpc, http], port: [9091, 1091]}')
    ports = [door.inside for door in found['gateway'].doors]
    assert len({*ports, 9091}) == 3
    assert shipped('gateway: {protocol: [grpc, http], port: [80, 8080]}')['gateway'].doors[1].inside == 8081
    with pytest.raises(SpecError, match='the same port'):
        shipped('gateway: {protocol: [grpc, http], port: [8080, 0]}')
