"""Kubernetes objects in; out, a line for each thing that a cluster would refuse, or that cannot work there.

Schemas know fields; they do not know whether a name is one, whether a selector finds Pods, or whether what is
referred to exists. This does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import kubernetes_validate

Object = dict[str, Any]

VERSIONS = ('1.35', '1.36', '1.37')
"""The three newest that kubernetes-validate carries."""

FOREIGN = ('monitoring.coreos.com', 'keda.sh', 'gateway.networking.k8s.io')
"""Groups of objects that are not of Kubernetes itself, and have no schema there."""

LABEL = re.compile('[a-z]([a-z0-9-]{0,61}[a-z0-9])?')
SUBDOMAIN = re.compile(r'[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?')
LABEL_VALUE = re.compile('([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?')
LABEL_KEY = re.compile(r'([a-z0-9.-]{1,253}/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?')
QUANTITY = re.compile(r'\d+(\.\d+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?')
RUNNERS = ('Deployment', 'StatefulSet')


def schema_problems(objects: list[Object], versions: tuple[str, ...] = VERSIONS) -> list[str]:
    """What the strict schemas of Kubernetes say."""
    found = []
    for each in objects:
        if each['apiVersion'].partition('/')[0] in FOREIGN:
            continue
        for version in versions:
            try:
                kubernetes_validate.validate(each, version, strict=True)
            except kubernetes_validate.ValidationError as error:
                found.append(f'{version} {_told(each)}: {error.message}')
    return found


def problems(objects: list[Object], *, secrets: frozenset[str] = frozenset()) -> list[str]:
    """What is wrong with objects that are applied together; `secrets` are there already."""
    checks = (_names, _services, _workloads, _pods, _policies, _scalers, _callers)
    return [line for check in checks for line in check(objects)] + list(_references(objects, secrets))


def pods(objects: list[Object]) -> Iterator[tuple[Object, Object]]:
    """Each Deployment and StatefulSet with the template of its Pods."""
    for each in objects:
        if each['kind'] in RUNNERS:
            yield each, each['spec']['template']


def selected(objects: list[Object], selector: Object) -> list[Object]:
    """The templates whose Pods a selector finds."""
    return [pod for _, pod in pods(objects) if selector.items() <= pod['metadata']['labels'].items()]


def _told(each: Object) -> str:
    return f'{each["kind"]}/{each["metadata"]["name"]}'


def _names(objects: list[Object]) -> Iterator[str]:
    known = [(each['kind'], each['metadata']['name']) for each in objects]
    yield from (f'{one} is there twice' for one in sorted(set(known)) if known.count(one) > 1)
    if len({each['metadata'].get('namespace') for each in objects if each['kind'] != 'Namespace'}) > 1:
        yield 'several namespaces'
    for each in objects:
        name, pattern = each['metadata']['name'], LABEL if each['kind'] == 'Service' else SUBDOMAIN
        if not pattern.fullmatch(name):
            yield f'{_told(each)}: no name for it'
        if each['kind'] == 'StatefulSet' and len(name) > 52:
            yield f'{_told(each)}: too long for the label of a revision'
        metas = [
            each['metadata'],
            *([each['spec']['template']['metadata']] if each['kind'] in RUNNERS else []),
        ]
        for meta in metas:
            for key, value in meta.get('labels', {}).items():
                if not LABEL_KEY.fullmatch(key) or not LABEL_VALUE.fullmatch(value):
                    yield f'{_told(each)}: label {key}={value}'
            for key, value in meta.get('annotations', {}).items():
                if not LABEL_KEY.fullmatch(key) or not isinstance(value, str):
                    yield f'{_told(each)}: annotation {key}={value}'


def _container_ports(pod: Object) -> dict[str, int]:
    return {port['name']: port['containerPort'] for port in pod['spec']['containers'][0]['ports']}


def _services(objects: list[Object]) -> Iterator[str]:
    for each in objects:
        if each['kind'] != 'Service':
            continue
        found = selected(objects, each['spec']['selector'])
        if len(found) != 1:
            yield f'{_told(each)}: its selector finds {len(found)} workloads'
        ports = each['spec']['ports']
        if len({port['name'] for port in ports}) < len(ports) or len({p['port'] for p in ports}) < len(ports):
            yield f'{_told(each)}: the same port twice'
        for pod in found:
            for port in ports:
                if port['targetPort'] not in _container_ports(pod):
                    yield f'{_told(each)}: no port {port["targetPort"]} there'


def _workloads(objects: list[Object]) -> Iterator[str]:
    services = {each['metadata']['name'] for each in objects if each['kind'] == 'Service'}
    for each, pod in pods(objects):
        if not each['spec']['selector']['matchLabels'].items() <= pod['metadata']['labels'].items():
            yield f'{_told(each)}: its selector does not match its Pods'
        if len(selected(objects, each['spec']['selector']['matchLabels'])) != 1:
            yield f'{_told(each)}: its selector matches Pods of others'
        if each['kind'] == 'StatefulSet' and each['spec']['serviceName'] not in services:
            yield f'{_told(each)}: no Service {each["spec"]["serviceName"]}'


def _pods(objects: list[Object]) -> Iterator[str]:
    accounts = {each['metadata']['name'] for each in objects if each['kind'] == 'ServiceAccount'}
    for each, pod in pods(objects):
        spec, told = pod['spec'], _told(each)
        container = spec['containers'][0]
        ports = _container_ports(pod)
        if len(set(ports.values())) < len(container['ports']):
            yield f'{told}: the same port twice'
        yield from (f'{told}: port name {name}' for name in ports if len(name) > 15)
        yield from (f'{told}: port {port} is for root' for port in ports.values() if port < 1024)
        for probe in ('startupProbe', 'readinessProbe', 'livenessProbe'):
            if container[probe]['httpGet']['port'] not in ports:
                yield f'{told}: {probe} asks a port that is not declared'
        if spec['serviceAccountName'] not in accounts:
            yield f'{told}: no ServiceAccount {spec["serviceAccountName"]}'
        volumes = [volume['name'] for volume in spec['volumes']]
        volumes += [claim['metadata']['name'] for claim in each['spec'].get('volumeClaimTemplates', ())]
        mounted = [mount['name'] for mount in container['volumeMounts']]
        if sorted(volumes) != sorted(mounted):
            yield f'{told}: volumes {volumes}, mounted {mounted}'
        yield from (f'{told}: volume {name}' for name in volumes if not LABEL.fullmatch(name))
        for amounts in container.get('resources', {}).values():
            for name, amount in amounts.items():
                if not QUANTITY.fullmatch(str(amount)):
                    yield f'{told}: {name} {amount} is no quantity'
        yield from (f'{told}: {line}' for line in _environment(container['env']))
        yield from (f'{told}: {line}' for line in _unrestricted(spec, container))


def _environment(env: list[Object]) -> Iterator[str]:
    known: set[str] = set()
    for variable in env:
        if variable['name'] in known:
            yield f'{variable["name"]} is there twice'
        text = variable.get('value', '').replace('$$', '')
        yield from (
            f'$({name}) is not known yet' for name in re.findall(r'\$\((\w+)\)', text) if name not in known
        )
        known.add(variable['name'])


def _unrestricted(spec: Object, container: Object) -> Iterator[str]:
    """What the Pod Security Standard "restricted" forbids, and a root file system that can be written."""
    security = {**spec['securityContext'], **container['securityContext']}
    wanted = {
        'runAsNonRoot': True,
        'allowPrivilegeEscalation': False,
        'readOnlyRootFilesystem': True,
        'capabilities': {'drop': ['ALL']},
        'seccompProfile': {'type': 'RuntimeDefault'},
    }
    yield from (f'not restricted: {key}' for key, value in wanted.items() if security.get(key) != value)
    if not security.get('runAsUser'):
        yield 'not restricted: runs as root'
    kinds = {'configMap', 'emptyDir', 'secret', 'projected', 'persistentVolumeClaim'}
    for volume in spec['volumes']:
        if not (set(volume) - {'name'}) <= kinds:
            yield f'not restricted: volume {volume}'


def _policies(objects: list[Object]) -> Iterator[str]:
    for each in objects:
        selector = each['spec'].get('selector', {}).get('matchLabels') if 'spec' in each else None
        if each['kind'] == 'PodDisruptionBudget' and len(selected(objects, selector)) != 1:
            yield f'{_told(each)}: not for one workload'
        if each['kind'] != 'NetworkPolicy':
            continue
        found = selected(objects, each['spec']['podSelector']['matchLabels'])
        if len(found) != 1:
            yield f'{_told(each)}: not for one workload'
            continue
        for rule in each['spec']['ingress']:
            for port in rule['ports']:
                if port['port'] not in _container_ports(found[0]):
                    yield f'{_told(each)}: no port {port["port"]} there'
            for source in rule.get('from', ()):
                labels = source.get('podSelector', {}).get('matchLabels', {})
                if labels and not selected(objects, labels):
                    yield f'{_told(each)}: nobody has {labels}'


def _scalers(objects: list[Object]) -> Iterator[str]:
    known = {(each['kind'], each['metadata']['name']): each for each in objects}
    for each in objects:
        if each['kind'] not in ('HorizontalPodAutoscaler', 'ScaledObject'):
            continue
        target = each['spec']['scaleTargetRef']
        workload = known.get((target['kind'], target['name']))
        if workload is None:
            yield f'{_told(each)}: no {target}'
        elif 'replicas' in workload['spec']:
            yield f'{_told(each)}: the number of replicas is said, too'


def _callers(objects: list[Object]) -> Iterator[str]:
    """Whether the addresses in commands lead to Services, and members listen where they are called."""
    services = {each['metadata']['name']: each for each in objects if each['kind'] == 'Service'}
    maps = {each['metadata']['name']: each['data'] for each in objects if each['kind'] == 'ConfigMap'}
    for each, pod in pods(objects):
        container = pod['spec']['containers'][0]
        command, ports = container['command'], _container_ports(pod)
        mounts = {mount['mountPath']: mount['name'] for mount in container['volumeMounts']}
        folder, _, name = next(word for word in command if word.endswith('.yml')).rpartition('/')
        sources = {volume['name']: volume.get('configMap') for volume in pod['spec']['volumes']}
        source = (sources.get(mounts.get(folder, '')) or {}).get('name')
        if name not in maps.get(source, ()):
            yield f'{_told(each)}: {folder}/{name} is not mounted'
        for option, value in pairwise(command):
            if option == '--at':
                name, _, port = value.partition('=')[2].partition(':')[2].rpartition(':')
                service = services.get(name)
                if service is None or int(port) not in {one['port'] for one in service['spec']['ports']}:
                    yield f'{_told(each)}: {value} leads nowhere'
                elif service['spec'].get('clusterIP') != 'None':
                    yield f'{_told(each)}: {value} is one address, not one for each replica'
            if option in ('--listen', '--health') and int(value.rpartition(':')[2]) not in ports.values():
                yield f'{_told(each)}: {value} is not declared'


def _references(objects: list[Object], secrets: frozenset[str]) -> Iterator[str]:
    maps = {each['metadata']['name']: each for each in objects if each['kind'] == 'ConfigMap'}
    for each, pod in pods(objects):
        container = pod['spec']['containers'][0]
        named = {volume['secret']['secretName'] for volume in pod['spec']['volumes'] if 'secret' in volume}
        named |= {
            variable['valueFrom']['secretKeyRef']['name']
            for variable in container['env']
            if 'valueFrom' in variable
        }
        yield from (f'{_told(each)}: no Secret {name}' for name in sorted(named - secrets))
        for volume in pod['spec']['volumes']:
            if 'configMap' in volume and volume['configMap']['name'] not in maps:
                yield f'{_told(each)}: no ConfigMap {volume["configMap"]["name"]}'
