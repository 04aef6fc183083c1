"""`headrace profile`: where the processes of a running Flow spend their time, function by function."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import click
from rich.table import Table

from headrace.cli.here import flow_here, flow_option
from headrace.cli.output import show
from headrace.errors import HeadraceError, MissingExtra
from headrace.places.noticeboard import Process

FORMS = {'.svg': 'flamegraph', '.json': 'speedscope', '.txt': 'raw'}
"""What a file of this kind holds, in the words of py-spy."""

GRACE_S = 15.0
"""What taking and writing a profile may take beside its duration."""


class Function(NamedTuple):
    """Samples in which a function ran itself, and in which it or something that it called did."""

    own: int
    total: int


@click.command('profile')
@click.argument('executor', required=False, default='')
@flow_option
@click.option(
    '--seconds', type=click.IntRange(1, 3600), default=5, show_default=True, help='How long to look.'
)
@click.option(
    '--rate', type=click.IntRange(1, 1000), default=100, show_default=True, help='Samples per second.'
)
@click.option('--native', is_flag=True, help='Also functions of C, C++ and Rust libraries.')
@click.option('--idle', is_flag=True, help='Also threads that wait.')
@click.option(
    '-o',
    '--output',
    type=click.Path(dir_okay=False, path_type=Path),
    help='Write a flame graph (.svg), a speedscope file (.json) or collapsed stacks (.txt) instead.',
)
def command(
    executor: str, *, flow: str, seconds: int, rate: int, native: bool, idle: bool, output: Path | None
) -> None:
    """Show where a running Flow spends its time, without stopping it.

    EXECUTOR is the name of an executor, of one of its processes (encoder/rep-0) or 'gateway'; default: every
    process of the Flow. Samples the stacks from outside by py-spy; the Flow need not be prepared for it.

    \b
    Examples:
        headrace profile                              # the only Flow that runs here
        headrace profile encoder --seconds 10
        headrace profile gateway -o gateway.svg       # a flame graph
    """
    notice = flow_here(flow)
    processes = notice.of(executor) if executor else notice.processes
    _program()
    options = ['--rate', str(rate), *(['--native'] if native else []), *(['--idle'] if idle else [])]
    if output is not None:
        _write(processes, seconds, options, output)
    else:
        stacks = _taken(processes, seconds, options)
        for process in processes:
            _show(process, stacks[process])


def _write(processes: Sequence[Process], seconds: int, options: Sequence[str], output: Path) -> None:
    if len(processes) > 1:
        names = ', '.join(process.name for process in processes)
        raise click.UsageError(f'a file has the profile of one process; name one of: {names}')
    if output.suffix not in FORMS:
        raise click.BadParameter(f'its name ends in one of {", ".join(FORMS)}', param_hint='--output')
    recording = _recording(processes[0], seconds, [*options, '--format', FORMS[output.suffix]], output)
    _finish(recording, processes[0], seconds)
    click.echo(f'{output}: {processes[0].name}, {seconds} s', err=True)


def _taken(
    processes: Sequence[Process], seconds: int, options: Sequence[str]
) -> dict[Process, dict[str, int]]:
    """The stacks of processes, all looked at at once, and how often each was seen."""
    with tempfile.TemporaryDirectory() as folder:
        files = {process: Path(folder, f'{process.pid}.txt') for process in processes}
        options = [*options, '--format', 'raw']
        recordings = {process: _recording(process, seconds, options, files[process]) for process in processes}
        try:
            for process, recording in recordings.items():
                _finish(recording, process, seconds)
        finally:
            for recording in recordings.values():
                recording.kill()
                recording.communicate()
        return {process: collapsed(files[process].read_text(encoding='utf-8')) for process in processes}


def _recording(
    process: Process, seconds: int, options: Sequence[str], output: Path
) -> subprocess.Popen[bytes]:
    asked = ['record', '--pid', str(process.pid), '--duration', str(seconds), '--output', str(output)]
    return subprocess.Popen([_program(), *asked, *options], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def _program() -> str:
    """Where py-spy is: beside this Python, or on the path."""
    found = shutil.which('py-spy', path=str(Path(sys.executable).parent)) or shutil.which('py-spy')
    if found is None:
        raise MissingExtra('py-spy is not installed', help="pip install 'headrace[profile]'")
    return found


def _finish(recording: subprocess.Popen[bytes], process: Process, seconds: int) -> None:
    try:
        _, said = recording.communicate(timeout=seconds + GRACE_S)
    except subprocess.TimeoutExpired:
        recording.kill()
        raise HeadraceError(f'py-spy did not come to an end with {process.name}') from None
    if recording.returncode:
        text = said.decode(errors='replace').strip().splitlines()
        raise HeadraceError(
            f'py-spy cannot look into {process.name} (process {process.pid}): {text[-1] if text else ""}',
            help='it needs the right to trace processes: run as the same user (macOS: as root), in a '
            'container with --cap-add SYS_PTRACE',
        )


def collapsed(text: str) -> dict[str, int]:
    """Lines such as `main (a.py:1);work (a.py:9) 42` as stacks and numbers.

    >>> collapsed('main (a.py:1);work (a.py:9) 42')
    {'main (a.py:1);work (a.py:9)': 42}
    """
    lines = (line.rpartition(' ') for line in text.splitlines())
    return {stack: int(count) for stack, _, count in lines}


def functions(stacks: dict[str, int]) -> dict[str, Function]:
    """How often each function was seen; one that calls itself counts once in each stack.

    >>> functions({'main (a.py:1);work (a.py:9)': 3, 'main (a.py:1)': 1})['main (a.py)']
    Function(own=1, total=4)
    """
    own: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for stack, count in stacks.items():
        names = [_named(frame) for frame in stack.split(';')]
        own[names[-1]] += count
        for name in set(names):
            total[name] += count
    return {name: Function(own[name], total[name]) for name in total}


def _named(frame: str) -> str:
    """A frame without the number of its line."""
    name, colon, line = frame.rstrip(')').rpartition(':')
    return f'{name})' if colon and line.isdigit() else frame


def _show(process: Process, stacks: dict[str, int], most: int = 15) -> None:
    seen = sum(stacks.values())
    title = f'{process.name} (process {process.pid}): {seen} samples' + ('' if seen else ', it only waited')
    table = Table(title=title, title_justify='left')
    table.add_column('own', justify='right')
    table.add_column('with callees', justify='right')
    table.add_column('function')
    found = sorted(functions(stacks).items(), key=lambda each: each[1], reverse=True)
    for name, (own, total) in found[:most]:
        table.add_row(f'{own / seen:.1%}', f'{total / seen:.1%}', name)
    show(table)
