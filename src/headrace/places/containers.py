"""An executor that is an image in; out, a container that runs it, with what it may see of this machine."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import secrets
import sys
import threading
from collections.abc import Mapping
from math import ceil
from pathlib import Path

from msgspec.structs import replace

from headrace.containers.engine import ANSWER_S, Engine, find, no_image
from headrace.containers.owners import EXECUTOR, FLOW, OWNER, PROCESS, owner, remove_abandoned
from headrace.containers.runs import BOX, Run, mountable, volume
from headrace.errors import SpecError
from headrace.places.contained import SOCKET, Berth, Contained
from headrace.places.outputs import Tap
from headrace.places.shipping import is_plain
from headrace.spec import ExecutorSpec, FlowSpec, ProcessPlan, environment
from headrace.spec.container import image_of
from headrace.spec.devices import VISIBLE
from headrace.spec.image import DATA, WORK_PORT
from headrace.spec.parts import part_of
from headrace.spec.paths import workspace_of
from headrace.spec.threads import LIMITS
from headrace.worker.orders import WorkerOrder, sparse, worker_order

SHARES_SOCKETS = sys.platform == 'linux'
"""Whether a socket in a folder that both see connects this machine with a container: elsewhere there is a
virtual machine between them, and a worker listens at a port."""

LONGEST = 100
"""Characters of a Flow's name that its folder has."""

_SIGNS = re.compile(r'[^\w. -]')
"""What is in no name of a folder: a Flow may be called as it likes."""

PASSED_ON = ('HEADRACE_DEBUG', 'HEADRACE_LOG_LEVEL')
"""Variables of this process that a container has as well, beside those of OpenTelemetry."""

_log = logging.getLogger(__name__)


class Containers:
    """Starts the containers of one Flow. The engine is looked for when the first one is wanted.

    What those have left that were killed is removed then.
    """

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._engine: Engine | None = None
        self._user, self._keeps_id = '', False
        self._lock = asyncio.Lock()
        self._removals: list[threading.Thread] = []

    async def start(
        self, flow: FlowSpec, plan: ProcessPlan, env: Mapping[str, str], *, key: str, tap: Tap | None
    ) -> Contained:
        """A container that runs what `plan` says, which is an image; `key` tells its starts apart.

        Raises StartError if no engine answers, SpecError if it has no such image.
        """
        try:
            async with self._lock:
                if self._engine is None:
                    self._engine = await asyncio.to_thread(self._found)
                engine = self._engine
            run = await asyncio.to_thread(self._prepared, engine, flow, plan, env, key)
            order = _order(flow, plan, port=run.port)
        except BaseException:
            if tap is not None:
                tap.given()
            raise
        berth = Berth(
            engine,
            run,
            lambda pid: sparse(replace(order, pid=pid)),
            self._directory,
            self._removed,
        )
        return await Contained.begin(f'executor {plan.name!r}', berth, tap)

    def _found(self) -> Engine:
        engine = find()
        count = remove_abandoned(engine)
        if count:
            _log.warning('%d containers were removed whose Flow had been killed', count)
        self._user, self._keeps_id = _user(engine)
        return engine

    def _prepared(
        self, engine: Engine, flow: FlowSpec, plan: ProcessPlan, env: Mapping[str, str], key: str
    ) -> Run:
        executor, spec = flow[plan.executor], part_of(flow[plan.executor], plan.part)
        image = image_of(spec.uses)
        if engine.image(image) is None:
            raise no_image(image, engine, whose=f'executor {plan.name!r}: ')
        name = re.sub(r'[^a-zA-Z0-9_.-]+', '-', f'headrace-{flow.name}-{key}')
        box = Path(self._directory, f'{key.replace("/", ".").replace("#", ".")}.box')
        box.mkdir(mode=0o700)
        workspace = Path(kept_in(flow, executor))
        workspace.mkdir(parents=True, exist_ok=True)
        devices = env.get(VISIBLE, '')
        run = Run(
            name=f'{name}-{secrets.token_hex(3)}',
            image=image,
            box=mountable(box),
            workspace=mountable(workspace),
            labels={OWNER: owner(), FLOW: flow.name, EXECUTOR: executor.name, PROCESS: plan.name},
            env=_env(executor, env),
            volumes=tuple(volume(text, flow.base) for text in executor.volumes),
            entrypoint=executor.entrypoint if not plan.part else (),
            cpus=executor.cpus,
            memory=executor.memory,
            gpus='' if devices == '-1' else devices,
            port=0 if SHARES_SOCKETS else WORK_PORT,
            user=self._user,
            keeps_id=self._keeps_id,
        )
        run.write_variables()
        return run

    def _removed(self, removal: threading.Thread) -> None:
        self._removals = [each for each in (*self._removals, removal) if each.is_alive()]

    async def close(self) -> None:
        """Wait until the containers that were ended are gone."""
        while self._removals:
            await asyncio.to_thread(self._removals.pop().join)


def _order(flow: FlowSpec, plan: ProcessPlan, *, port: int) -> WorkerOrder:
    """What a worker in a container is told: as any other, but for where things are."""
    spec = part_of(flow[plan.executor], plan.part)
    if not is_plain(spec.uses_with):
        raise SpecError(
            f'executor {plan.executor!r}: arguments in `uses_with` cannot go into an image',
            help='pass only plain values: text, numbers, lists, mappings',
        )
    if port and flow.gateway.security.workers is not None:
        raise SpecError(
            f'executor {plan.executor!r} is an image, and gateway.security.workers wants certificates',
            help='on this machine containers are called over a port, where they show none yet; take it out',
        )
    told = replace(
        spec, uses='', reload=False, py_modules=(), volumes=(), env={}, env_from_secret={}, workspace=None
    )
    address = f'tcp:0.0.0.0:{port}' if port else f'unix:{BOX}/{SOCKET}'
    order = worker_order(flow, plan, told, address=address, sys_path=(), directory=BOX)
    return replace(order, workspace=DATA, base='', tls=None)


def _env(executor: ExecutorSpec, env: Mapping[str, str]) -> dict[str, str]:
    """The variables of a container: those of the executor, and few of this process."""
    around = environment.variables()
    passed = {name: around[name] for name in around if name in PASSED_ON or name.startswith('OTEL_')}
    passed |= {name: around[name] for name in executor.env_from_secret if name in around}
    if executor.cpus and executor.threads is None:
        passed |= dict.fromkeys(LIMITS, str(ceil(executor.cpus)))
    given = {**passed, **env}
    if given.get(VISIBLE, '-1') != '-1':
        del given[VISIBLE]  # in there are no others, and they are numbered anew
    return {'HOME': '/tmp', **given}


def _user(engine: Engine) -> tuple[str, bool]:
    """As whom a container runs, so that its files are ours: `--user`, and whether it keeps our numbers."""
    if sys.platform != 'linux':
        return '', False
    us = f'{os.getuid()}:{os.getgid()}'
    if engine.is_podman:
        return us, os.getuid() != 0
    options = engine.run('info', '--format', '{{.SecurityOptions}}', timeout_s=ANSWER_S)
    return ('0:0' if 'name=rootless' in options else us), False


def is_image(executor: ExecutorSpec) -> bool:
    """Whether all or a part of an executor is an image."""
    return any(image_of(uses) for uses in (executor.uses, executor.uses_before, executor.uses_after))


def kept_in(flow: FlowSpec, executor: ExecutorSpec) -> str:
    """The folder of this machine that an executor has as its workspace: the named one, or one of its own."""
    named = workspace_of(flow, executor)
    whose = _SIGNS.sub('-', flow.name)[:LONGEST].strip('.') or 'flow'
    return named or str(environment.read().workspace_root().absolute() / 'containers' / whose / executor.name)
