"""`headrace worker flow.yml encoder`: one replica of one executor, alone: what a container runs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
from msgspec.structs import replace

from headrace.cli.alone import alone_options, later, name_of_host, read, start_errors, with_options
from headrace.cli.output import warn_of_strays
from headrace.errors import SpecError
from headrace.spec import ExecutorSpec, FlowSpec, environment
from headrace.spec.container import image_of
from headrace.spec.parts import Part, part_of
from headrace.spec.plan import process
from headrace.spec.suggest import did_you_mean
from headrace.spec.threads import LIMITS
from headrace.spec.versions import each_version, with_version


def _under_supervisor(ctx: click.Context, option: click.Parameter, is_wanted: bool) -> None:
    if is_wanted:
        later('worker.contained').main()


OPTIONS = with_options(
    click.option(
        '--lifeline',
        is_flag=True,
        is_eager=True,
        expose_value=False,
        hidden=True,
        callback=_under_supervisor,
        help='Under a supervisor outside of this container: orders come on standard input.',
    ),
    alone_options,
    click.argument('executor', metavar='EXECUTOR'),
    click.option(
        '--part', type=click.Choice(['before', 'after']), help='Run its uses_before or uses_after instead.'
    ),
    click.option('--shard', type=click.IntRange(min=0), default=0, show_default=True, help='Which shard.'),
    click.option(
        '--replica', type=click.IntRange(min=0), default=0, show_default=True, help='Which replica of it.'
    ),
    click.option(
        '--listen',
        default='tcp:127.0.0.1:9090',
        show_default=True,
        metavar='ADDRESS',
        help='Where gateways call it: tcp:host:port, tcp+tls:host:port, unix:/path.',
    ),
    click.option(
        '--uses', default='', help='Run this instead; for an executor that is an image: its code in there.'
    ),
    click.option('--workspace', default='', help='Folder for what it keeps.'),
)


@click.command('worker')
@OPTIONS
def command(
    flow: Path,
    context: tuple[tuple[str, Any], ...],
    base: Path | None,
    *,
    executor: str,
    part: Part | None,
    shard: int,
    replica: int,
    **places: str,
) -> None:
    """Run one replica of one executor, alone: what a container runs.

    A gateway finds it with --at (see headrace gateway). On SIGTERM it takes no more requests, finishes those
    it has (timeout_stop_s of the Flow), and ends.

    \b
    Examples:
        headrace worker flow.yml encoder --listen tcp:0.0.0.0:9090 --health 0.0.0.0:9091
        headrace worker flow.yml index --shard 1 --listen tcp:0.0.0.0:9090
        headrace worker flow.yml encoder/v2 --listen tcp:0.0.0.0:9090
    """
    warn_of_strays()
    spec = _with_workspace(read(flow, context, base), places['workspace'])
    chosen = _executor(spec, executor)
    chosen = _part(chosen, part or '', shard, places['uses'])
    environment.add({**spec.env, **chosen.env, **_threads(chosen)})
    plan = process(spec, spec[executor], part=part or '', shard=shard, replica=replica)
    host = name_of_host()
    order = later('worker.orders').worker_order(
        spec,
        replace(plan, name=f'{chosen.name}/{host}'),
        chosen,
        address=places['listen'],
        sys_path=tuple(sys.path),
        drain_s=spec.timeout_stop_s,
    )
    later('worker.alone').main(order, host=host, health=places['health'], tell=start_errors())


def _executor(flow: FlowSpec, name: str) -> ExecutorSpec:
    names = [each.name for each in each_version(flow.executors) if not (each.join or each.external)]
    if name in names:
        return flow[name]
    if any(each.name == name for each in flow.executors):
        raise SpecError(
            f'executor {name!r} has no process of its own: it joins in the gateway, or runs elsewhere',
            help=f'these have: {", ".join(names)}',
        )
    raise SpecError(
        f'flow {flow.name!r} has no executor {name!r}', help=did_you_mean(name, names, noun='executors')
    )


def _part(executor: ExecutorSpec, part: Part, shard: int, uses: str) -> ExecutorSpec:
    """What of the executor shall run here; SpecError if there is no such thing."""
    if shard >= executor.shards or (part and shard):
        raise SpecError(
            f'executor {executor.name!r} has no shard {shard}' + (f' of its {part!r}' if part else ''),
            help=f'it has {executor.shards}, counted from 0',
        )
    if part and getattr(executor, f'uses_{part}') is None:
        raise SpecError(f'executor {executor.name!r} has no uses_{part}', help='leave --part out')
    wanted = part_of(executor, part)
    image = image_of(wanted.uses)
    uses = uses or (image and environment.read().uses)  # in an image the variable is always there
    if image and not uses:
        raise SpecError(
            f'executor {wanted.name!r} is the image {image}: nobody says what of it runs here',
            help='inside the image, say where its code is: --uses /app, or HEADRACE_USES=/app',
        )
    return replace(wanted, uses=uses) if image or (uses and not part) else wanted


def _with_workspace(flow: FlowSpec, workspace: str) -> FlowSpec:
    if not workspace:
        return flow
    flow = replace(flow, workspace=str(Path(workspace).resolve()))
    for executor in each_version(flow.executors):
        flow = with_version(flow, replace(flow[executor.name], workspace=None))
    return flow


def _threads(executor: ExecutorSpec) -> dict[str, str]:
    """The limits of numeric libraries, if the executor says how many threads it has."""
    if executor.threads is None:
        return {}
    return {name: str(executor.threads) for name in LIMITS if name not in executor.env}
