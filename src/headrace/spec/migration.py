"""A Flow's YAML of an older format in, as data that is brought up to date in place; out, what was done.

Older is the format of Jina 2 and 3, from which ours comes; a format of ours that another one follows will
have its rules here as well. Rules are data: where a key may stand, and what becomes of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, MutableMapping, MutableSequence
from typing import Any, NamedTuple

from headrace.errors import SpecError

Mapped = MutableMapping[str, Any]

OLD_NAMES = {'pods': 'executors', 'deployments': 'executors'}
"""Lists of executors under other names, at the top."""

RENAMED = {
    'port_expose': 'port',
    'parallel': 'replicas',
    'disable_reduce': 'no_reduce',
    'expose_endpoints': 'expose',
    'dynamic_batching': 'uses_dynamic_batching',
    'scale_to': 'replicas',
}
"""Keys that have another name now, wherever they stand."""

MILLISECONDS = {'timeout_ready': 'timeout_ready_s', 'timeout_send': 'timeout_s'}
"""Times in milliseconds, of which -1 is no limit; now they are in seconds."""

RUNS = ('uses', 'uses_before', 'uses_after')
"""Settings that say what runs."""

LOOK = 'LOOK AT THIS:'
"""How a line begins about something that somebody has to decide."""

GONE = {
    'quiet': 'set observe: {logs: {level: WARNING}} to hear less',
    'quiet_error': 'the log has the error of every failed request',
    'log_config': 'see observe: {logs: ...}',
    'monitoring': 'metrics are always there, at /metrics',
    'port_monitoring': 'metrics are at /metrics of the HTTP port',
    'metrics': 'metrics are always there, at /metrics',
    'metrics_exporter_host': 'metrics are asked for at /metrics',
    'metrics_exporter_port': 'metrics are asked for at /metrics',
    'port_in': 'executors choose their own addresses',
    'port_out': 'executors choose their own addresses',
    'host_in': 'executors choose their own addresses',
    'runtime_cls': 'there is one way to run an executor',
    'runtime_backend': 'there is one way to run an executor',
    'workspace_id': 'workspaces have the names of their executors',
    'stateful': 'see storage, which keeps a workspace',
    'peer_ports': 'there is no consensus among replicas here',
    'pull_latest': 'images are those that are named',
    'force_update': 'nothing is downloaded',
    'install_requirements': 'headrace build puts requirements into an image',
    'restful': 'see protocol: http',
    'show_exc_info': 'the log has the error of every failed request',
}
"""Keys that mean nothing any more, and what there is in their place."""


_VARIABLE = re.compile(r'\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\})')
_HUB = re.compile(r'jina(?:hub|ai)(?:\+\w+)?://')


class Done(NamedTuple):
    """One change: where, and what."""

    place: str
    what: str


def migrate(document: Mapped) -> list[Done]:
    """Change a document to the present format; what was done, in the order of the document.

    >>> flow = {'pods': [{'name': 'a', 'parallel': 2, 'timeout_ready': 60_000}]}
    >>> [done.what for done in migrate(flow)]
    ['pods is executors', 'parallel is replicas', 'timeout_ready is timeout_ready_s: 60']
    >>> flow
    {'executors': [{'name': 'a', 'replicas': 2, 'timeout_ready_s': 60.0}]}
    """
    return [*_migrated(document)]


def _migrated(document: Mapped) -> Iterator[Done]:
    for old, new in OLD_NAMES.items():
        if old in document:
            _rename(document, old, new)
            yield Done('', f'{old} is {new}')
    for key in ('with', 'gateway'):
        if isinstance(settings := document.get(key), MutableMapping):
            yield from _settings(settings, key)
            yield from _front(settings, key, document)
            yield from _variables(settings, key)
            yield from _hub(settings, key)
    executors = document.get('executors')
    if isinstance(executors, MutableSequence):
        for index, executor in enumerate(executors):
            if isinstance(executor, MutableMapping):
                yield from _settings(executor, f'executors[{index}]')
                yield from _polling(executor, f'executors[{index}]')
                yield from _container(executor, f'executors[{index}]')
                yield from _variables(executor, f'executors[{index}]')
                yield from _hub(executor, f'executors[{index}]')


def _settings(settings: Mapped, place: str) -> Iterator[Done]:
    """What is the same for a Flow, its gateway and its executors."""
    for old in list(settings):
        if old in RENAMED and RENAMED[old] not in settings:
            _rename(settings, old, RENAMED[old])
            yield Done(place, f'{old} is {RENAMED[old]}')
        elif old in MILLISECONDS:
            yield _in_seconds(settings, old, place)
        elif old in GONE:
            del settings[old]
            yield Done(place, f'{old} is not needed: {GONE[old]}')


def _in_seconds(settings: Mapped, old: str, place: str) -> Done:
    value, new = settings[old], MILLISECONDS[old]
    if value is None or value == -1:
        del settings[old]
        said = 'null' if value is None else value
        return Done(place, f'{old}: {said} was no limit; every wait has one now ({new})')
    if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
        _rename(settings, old, new, lambda value: value / 1000)
        return Done(place, f'{old} is {new}: {value / 1000:g}')
    return Done(place, f'{LOOK} {old}: {value} is {new} now, in seconds: divide it by 1000')


def _front(settings: Mapped, place: str, document: Mapped) -> Iterator[Done]:
    """What a gateway was told in another way."""
    if settings.get('rest_api') is not None:
        if settings.pop('rest_api'):
            settings['protocol'] = 'http'
        yield Done(place, 'rest_api is protocol: http')
    certificate, key = settings.get('ssl_certfile'), settings.get('ssl_keyfile')
    if certificate and key:
        _rename(
            settings, 'ssl_certfile', 'security', lambda _: {'tls': {'certificate': certificate, 'key': key}}
        )
        del settings['ssl_keyfile']
        yield Done(place, 'ssl_certfile and ssl_keyfile are security: {tls: {certificate: ..., key: ...}}')
    names = ('tracing', 'traces_exporter_host', 'traces_exporter_port')
    if any(name in settings for name in names):
        is_on, host, port = (settings.pop(name, None) for name in names)
        if is_on:
            observe = _inside(_inside(document, 'with'), 'observe')
            observe['traces'] = {'endpoint': f'http://{host or "localhost"}:{port or 4317}'}
        yield Done(place, 'tracing is observe: {traces: {endpoint: ...}}')


def _inside(mapping: Mapped, key: str) -> Mapped:
    """The mapping under a key, made if there is none; SpecError if there is something else."""
    if mapping.get(key) is None:
        mapping[key] = {}
    found = mapping[key]
    if not isinstance(found, MutableMapping):
        raise SpecError(f'{key}: {found!r} is no mapping', help=f'correct it: {key}: {{...}}')
    return found


def _polling(executor: Mapped, place: str) -> Iterator[Done]:
    polling = executor.get('polling')
    if isinstance(polling, str) and polling != polling.upper():
        executor['polling'] = polling.upper()
        yield Done(place, f'polling: {polling} is {polling.upper()}')


def _container(executor: Mapped, place: str) -> Iterator[Done]:
    kwargs = executor.pop('docker_kwargs', None)
    if isinstance(kwargs, MutableMapping):
        if 'mem_limit' in kwargs:
            executor['memory'] = str(kwargs.pop('mem_limit')).upper()
            yield Done(place, f'docker_kwargs.mem_limit is memory: {executor["memory"]}')
        kwargs = ', '.join(map(str, kwargs))
    elif isinstance(kwargs, MutableSequence):
        kwargs = ', '.join(map(str, kwargs))
    if kwargs:
        yield Done(place, f'{LOOK} docker_kwargs had {kwargs}; see memory, volumes, cpus, gpus, env')


def _variables(settings: Mapped, place: str) -> Iterator[Done]:
    """Variables of a shell, which were replaced everywhere: in `env` they still are, under another name."""
    env = settings.get('env')
    for name, value in list(env.items()) if isinstance(env, MutableMapping) else ():
        if isinstance(env, MutableMapping) and isinstance(value, str) and _VARIABLE.search(value):
            env[name] = _VARIABLE.sub(lambda found: f'${{{{ ENV.{found[1] or found[2]} }}}}', value)
            yield Done(place, f'{value} is {env[name]}')
    for key, value in settings.items():
        for text in _texts(value) if key != 'env' else ():
            if _VARIABLE.search(text):
                help = 'a variable is written ${{ ENV.NAME }}'
                yield Done(place, f'{LOOK} {key} has {text}, which is nothing but a text now: {help}')


def _texts(value: object) -> Iterator[str]:
    """Every text in a value, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, MutableMapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, MutableSequence):
        for each in value:
            yield from _texts(each)


def _hub(settings: Mapped, place: str) -> Iterator[Done]:
    for key in RUNS:
        uses = settings.get(key)
        if isinstance(uses, str) and _HUB.match(uses):
            help = 'name its class, or an image that holds it (docker://name:tag)'
            yield Done(place, f'{LOOK} {uses} is of a hub that is not there any more; {help}')


def _rename(mapping: Mapped, old: str, new: str, change: Callable[[Any], Any] = lambda value: value) -> None:
    """Give a key another name at its place, and its comment with it, where the mapping keeps those."""
    comments = getattr(mapping, 'ca', None)
    if comments is not None and old in comments.items:
        comments.items[new] = comments.items.pop(old)
    items = list(mapping.items())
    mapping.clear()
    for key, value in items:
        mapping[new if key == old else key] = change(value) if key == old else value
