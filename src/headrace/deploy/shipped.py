"""A FlowSpec in; out, what Compose and Kubernetes have to know of each container that it is shipped as.

A container runs one member of the Flow. It is told of the Flow by a file at `FLOW_FILE`, which holds what
concerns this member and nothing else: no member sees the secrets of another one, and only those members start
anew that a change is about.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from math import ceil

from msgspec import Struct

from headrace.deploy.members import Member, members
from headrace.deploy.secretfiles import SecretFile, secret_files
from headrace.deploy.told import Door, doors_of, is_abroad, told_to
from headrace.deploy.weighing import FILE, FOLDER, has_weights
from headrace.errors import SpecError
from headrace.spec import ExecutorSpec, FlowSpec, dump_flow
from headrace.spec.container import SecretRef
from headrace.spec.devices import TURNS, VISIBLE, wish_of
from headrace.spec.image import APP, DATA, HEALTH_PORT, WORK_PORT
from headrace.spec.imagename import is_image, says_version
from headrace.spec.references import restored
from headrace.spec.substitute import Variable, divided
from headrace.spec.threads import LIMITS
from headrace.spec.unset import is_name
from headrace.spec.versions import each_version

FLOW_FILE = '/etc/headrace/flow.yml'
"""Where the Flow's YAML lies in every container."""

_SECRET = re.compile(r'[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?')
_KEY = re.compile('[A-Za-z0-9._-]{1,253}')

Text = tuple[str | Variable, ...]
"""A text, some parts of which are values that the environment of the export had under a name."""


class Shipped(Struct, frozen=True, kw_only=True):
    """One container: what it runs, what it is given, where it answers.

    `env` has plain texts, texts with variables in them, and values of secrets; `variables` are those that the
    Flow's YAML itself takes from the environment. No value of a variable is known here.
    """

    member: Member
    name: str
    image: str
    flow: str
    command: tuple[str, ...]
    env: Mapping[str, Text | SecretRef]
    variables: tuple[str, ...]
    doors: tuple[Door, ...]
    files: tuple[SecretFile, ...]
    gpus: int
    ready_s: float
    stop_s: float

    @property
    def taken(self) -> tuple[str, ...]:
        """Every variable whose value has to be known where it runs, by the names it had here."""
        found = {*self.variables}
        for value in self.env.values():
            if isinstance(value, tuple):
                found |= {part.name for part in value if isinstance(part, Variable)}
        return tuple(sorted(found))

    @property
    def member_secrets(self) -> tuple[SecretRef, ...]:
        """Values of secrets that the Flow names by itself."""
        return tuple(value for value in self.env.values() if isinstance(value, SecretRef))


def ship(
    spec: FlowSpec,
    names: Callable[[Member], str],
    *,
    image: str = '',
    find: str = 'dns',
    linger_s: float = 5.0,
    code: str = APP,
) -> tuple[Shipped, ...]:
    """The containers of a Flow, the gateway first; `names` says how a member is called in its network.

    `find` is how the gateway finds replicas behind a name (`dns`, `slices`), `linger_s` how long it goes on
    accepting after it has been told to end, `code` where images have the Flow's code.

    Raises SpecError if the Flow is wrong, if a member has no image or a wrong one, or if devices are
    asked for in a way that has a meaning on one machine only.
    """
    found = members(spec)
    shipped = tuple(
        Shipped(
            member=member,
            name=names(member),
            image=_image(member, image),
            flow=(flow := dump_flow(told_to(spec, member))),
            command=_command(spec, member, found, names, find, linger_s, code),
            env=_env(spec, member),
            variables=_variables_in(flow),
            doors=doors_of(spec) if member.is_gateway else (),
            files=secret_files(spec.gateway.security, for_gateway=member.is_gateway),
            gpus=_gpus(spec, member),
            ready_s=_patience_s(spec, member),
            stop_s=spec.timeout_stop_s,
        )
        for member in found
    )
    for each in shipped:
        _check_words(each)
    return shipped


def notes(spec: FlowSpec, *, image: str = '') -> tuple[str, ...]:
    """What of a Flow means something else in containers, a line each, for whoever exports it.

    `image` is that of members which name none.
    """
    found = [
        f'image {name}: without a version or digest, what runs is whatever is called "latest" when it starts'
        for name in dict.fromkeys(member.image or image for member in members(spec))
        if name and not says_version(name)
    ]
    if spec.gateway.security.audit:
        found.append('gateway.security.audit: no file is written in containers; the log has every line')
    if spec.observe.record.path:
        found.append(f'observe.record: the file is in {DATA} of each gateway, and ends with it')
    for path, folder in spec.gateway.static.items():
        if is_abroad(folder, spec.base):
            found.append(f'gateway.static: {path} is {folder}, outside of the folder of the Flow')
    for executor in each_version(spec.executors):
        if executor.volumes:
            found.append(f'executor {executor.name!r}: volumes are those of this machine: {executor.volumes}')
        if executor.workspace and not executor.storage:
            found.append(f'executor {executor.name!r}: its workspace ends with its container without storage')
    return tuple(found)


def notes_on_paths(spec: FlowSpec, is_here: Callable[[str], bool]) -> tuple[str, ...]:
    """A line for each argument of an executor that is a path of the machine on which `is_here` answers.

    >>> flow = FlowSpec(executors=(ExecutorSpec(name='a', uses_with={'model': '/models/a', 'mode': '/x'}),))
    >>> notes_on_paths(flow, lambda path: path.startswith('/models/'))
    ("executor 'a': model is /models/a, a path of this machine",)
    """
    return tuple(
        f'executor {executor.name!r}: {name} is {value}, a path of this machine'
        for executor in each_version(spec.executors)
        for name, value in executor.uses_with.items()
        if isinstance(value, str) and os.path.isabs(value) and is_here(value)
    )


def _check_words(shipped: Shipped) -> None:
    """Raise SpecError for a name that a shell, Compose or a cluster would take for something else."""
    names = [(name, is_name(name), 'variable') for name in (*shipped.env, *shipped.taken)]
    for secret in shipped.member_secrets:
        names += [(secret.name, bool(_SECRET.fullmatch(secret.name)), 'secret')]
        names += [(secret.key, bool(_KEY.fullmatch(secret.key)), 'value of a secret')]
    for name, is_good, what in names:
        if not is_good:
            raise SpecError(
                f'{shipped.member.name}: {name!r} cannot be the name of a {what}',
                help='variables have letters, digits and _; a secret is called shop-keys, its value api.key',
            )


def _image(member: Member, default: str) -> str:
    if not (member.image or default):
        raise SpecError(
            f'{member.name}: nobody says which image it runs in',
            help='name the one that `headrace build` made (--image), or one in the Flow (image: ...)',
        )
    image = member.image or default
    if not is_image(image):
        raise SpecError(
            f'{member.name}: {image!r} is no name of an image',
            help='write it in lower case, with a tag or a digest: registry.example/shop:1.2',
        )
    return image


def _command(
    spec: FlowSpec,
    member: Member,
    all_members: tuple[Member, ...],
    names: Callable[[Member], str],
    find: str,
    linger_s: float,
    code: str,
) -> tuple[str, ...]:
    tls = '+tls' if spec.gateway.security.workers else ''
    common = (FLOW_FILE, '--base', code, '--health', f'0.0.0.0:{HEALTH_PORT}')
    if member.is_gateway:
        places = (f'{m.target}={find}{tls}:{names(m)}:{WORK_PORT}' for m in all_members if m.target)
        at = (word for place in places for word in ('--at', place))
        weights = ('--weights', f'{FOLDER}/{FILE}') if has_weights(spec) else ()
        return ('headrace', 'gateway', *common, '--linger', f'{linger_s:g}', *weights, *at)
    executor = spec[member.executor]
    which: tuple[str, ...] = ('--part', member.part) if member.part else ()
    if executor.shards > 1 and not member.part:
        which = ('--shard', str(member.shard))
    program = executor.entrypoint if executor.entrypoint and not member.part else ('headrace',)
    listen = ('--listen', f'tcp{tls}:0.0.0.0:{WORK_PORT}')
    return (*program, 'worker', FLOW_FILE, member.executor, *which, *common[1:], *listen)


def _env(spec: FlowSpec, member: Member) -> dict[str, Text | SecretRef]:
    env: dict[str, Text | SecretRef] = {'HEADRACE_WORKSPACE': (DATA,)}
    env |= _texts(spec.env, spec)
    if isinstance(member.spec, ExecutorSpec):
        executor = spec[member.executor]
        env |= _limits(executor, env)
        env |= _texts(executor.env, executor)
        if _names_turns(env.get(VISIBLE)):
            del env[VISIBLE]  # who starts the container decides
        return {**env, **executor.env_from_secret}
    return {**env, **spec.gateway.env_from_secret}


def _texts(env: Mapping[str, str], record: FlowSpec | ExecutorSpec) -> dict[str, Text]:
    marked = restored(env, record.from_environment, lambda text, _: divided(text), path=('env',))
    return {name: text if isinstance(text, tuple) else (text,) for name, text in marked.items()}


def _limits(executor: ExecutorSpec, env: Mapping[str, object]) -> dict[str, Text]:
    """Threads of numeric libraries: they would count the cores of the whole machine."""
    threads = executor.threads or (ceil(executor.cpus) if executor.cpus else 0)
    if not threads or any(name in env for name in LIMITS):
        return {}
    return dict.fromkeys((name for name in LIMITS if name not in executor.env), (str(threads),))


def _names_turns(text: object) -> bool:
    return isinstance(text, tuple) and isinstance(text[0], str) and text[0].strip().startswith(TURNS)


def _variables_in(flow: str) -> tuple[str, ...]:
    return tuple(sorted({part.name for part in divided(flow) if isinstance(part, Variable)}))


def _gpus(spec: FlowSpec, member: Member) -> int:
    """GPUs of each replica; which these are is decided where it runs."""
    if member.part or not isinstance(member.spec, ExecutorSpec):
        return 0
    executor = spec[member.executor]
    asked = wish_of(executor, {**spec.env, **executor.env})
    if asked is None:
        return 0
    if asked.how == 'all':
        raise SpecError(
            f'executor {executor.name!r}: gpus=all is another number on each machine',
            help='say how many a replica has: gpus: 1',
        )
    if asked.how == 'dealt':
        return max(1, len(asked.names) // (executor.most * executor.shards))
    return asked.number if asked.how == 'each' else 1


def _patience_s(spec: FlowSpec, member: Member) -> float:
    executor = spec[member.executor] if member.executor else None
    return (executor and executor.timeout_ready_s) or spec.timeout_ready_s


__all__ = ['FLOW_FILE', 'Door', 'SecretFile', 'Shipped', 'Text', 'notes', 'notes_on_paths', 'ship']
