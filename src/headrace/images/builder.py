"""Docker or Podman, as far as images are made, looked at and sent with it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO

from msgspec import Struct

from headrace.containers.engine import ANSWER_S, Engine, find
from headrace.errors import StartError
from headrace.images.context import Context
from headrace.images.programs import BUILT_WITHIN_S
from headrace.programs import last_words, run
from headrace.spec import environment

OnLine = Callable[[str], None]
"""Is told each line that a builder prints."""

ENDS_WITHIN_S = 10.0
"""How long a builder that is told to end may take to clean up."""

_LINES = 30
"""How many lines are told of what a builder has said that failed."""

_PLAIN = {'BUILDKIT_PROGRESS': 'plain', 'BUILDX_NO_DEFAULT_ATTESTATIONS': '1'}
_NO_IMAGE = re.compile(  # as BuildKit, the builder before it, and Buildah say it
    r'^ > \[internal\] load metadata for |^Get "https?://[^"]*/v2/|pull access denied|manifest unknown'
    r'|^manifest for \S+ not found|^Error:? .*creating build container',
    re.MULTILINE | re.IGNORECASE,
)
_NO_IMAGE_HELP = 'is the image to start from there, and is its name right? name another one with --base IMAGE'
_HISTORY = '{{.Size}} {{.CreatedBy}}'
_SIZED = re.compile(r'(?P<number>[\d.]+) ?(?P<unit>[kMG]?B)? (?P<made_by>.*)', re.DOTALL)
_UNITS = {'B': 1, 'kB': 10**3, 'MB': 10**6, 'GB': 10**9}


class Builder(Struct, frozen=True, kw_only=True):
    """An engine that makes images; `kind` is its part that does: buildkit, classic or buildah."""

    engine: Engine
    kind: str


class Order(Struct, frozen=True, kw_only=True):
    """What a builder is told beside the files: names of the image, labels, arguments, platforms.

    Values of `secret` arguments are handed over in the environment, where no list of processes shows them.
    """

    tags: tuple[str, ...]
    labels: Mapping[str, str] = {}
    arguments: Mapping[str, str] = {}
    secret: Mapping[str, str] = {}
    platforms: tuple[str, ...] = ()
    use_cache: bool = True
    push: bool = False
    created: int = 0


class Layer(Struct, frozen=True, kw_only=True):
    """A layer of an image: its bytes, and what made it."""

    size: int
    made_by: str


class Image(Struct, frozen=True, kw_only=True):
    """An image that an engine has: its bytes in all, and its layers, the lowest first."""

    id: str
    size: int
    layers: tuple[Layer, ...]


def find_builder(name: str = '') -> Builder:
    """The builder of the engine of this name, or of the one that answers; StartError if there is none."""
    engine = find(name)
    return Builder(engine=engine, kind=_kind(engine))


def build(builder: Builder, context: Context, order: Order, on_line: OnLine) -> None:
    """Let an engine build an image; StartError with what the builder said if it cannot."""
    command = build_command(builder, order)
    if builder.kind == 'buildah':
        with tempfile.TemporaryDirectory(prefix='headrace-build-') as folder:
            archive = Path(folder, 'context.tar')
            with archive.open('wb') as out:
                context.write(out)
            place = Path(folder, 'context')
            place.mkdir()
            unpack = ['tar', '-xf', str(archive), '-C', str(place)]
            run(unpack, 'the files for the image cannot be written', timeout_s=BUILT_WITHIN_S)
            archive.unlink()
            _watched([*command, str(place)], order.secret, None, on_line)
    else:
        _watched([*command, '-'], order.secret, context, on_line)
    if order.push and not _pushes_itself(builder, order):
        for tag in order.tags:
            _watched(builder.engine.command('push', tag), {}, None, on_line)


def build_command(builder: Builder, order: Order) -> list[str]:
    """The command that builds, without the place of the files.

    >>> docker = Builder(engine=Engine(program='docker'), kind='classic')
    >>> build_command(docker, Order(tags=('a:1',), secret={'PIP_INDEX_URL': 'with a password'}))
    ['docker', 'build', '-f', 'Dockerfile', '-t', 'a:1', '--build-arg', 'PIP_INDEX_URL']
    """
    many = len(order.platforms) > 1
    command = [builder.engine.program, *(['buildx'] if many and builder.kind == 'buildkit' else []), 'build']
    command += ['-f', 'Dockerfile']
    name = '--manifest' if many and builder.kind == 'buildah' else '-t'
    command += [part for tag in order.tags for part in (name, tag)]
    for key, value in sorted(order.labels.items()):
        command += ['--label', f'{key}={value}']
    for key, value in sorted(order.arguments.items()):
        command += ['--build-arg', f'{key}={value}']
    for key in sorted(order.secret):
        command += ['--build-arg', key]
    if order.platforms:
        command += ['--platform', ','.join(order.platforms)]
    if not order.use_cache:
        command.append('--no-cache')
    if builder.kind == 'buildkit' and order.created:
        command += ['--build-arg', f'SOURCE_DATE_EPOCH={order.created}']
    if builder.kind == 'buildah':
        command += ['--format', 'docker', *(['--timestamp', str(order.created)] if order.created else [])]
    if _pushes_itself(builder, order):
        command.append('--push')
    return command


def inspect(engine: Engine, name: str) -> Image | None:
    """An image that an engine has, with its layers; None if it has none of this name."""
    image = engine.image(name)
    if image is None:
        return None
    history = engine.run(
        *('history', '--no-trunc', '--human=false', '--format', _HISTORY, name), timeout_s=ANSWER_S
    )
    layers = [layer_of(line) for line in history.splitlines() if line.strip()]
    kept = tuple(layer for layer in reversed(layers) if layer.size)
    return Image(id=image.id, size=image.size, layers=kept)


def layer_of(line: str) -> Layer:
    """A layer from its size and what made it; Podman gives sizes for people.

    >>> layer_of('143000000 COPY /layer /').size, layer_of('10.9 MB COPY dir:1 in /').size
    (143000000, 10900000)
    """
    found = _SIZED.match(line)
    if found is None:
        return Layer(size=0, made_by=line)
    return Layer(size=int(float(found['number']) * _UNITS[found['unit'] or 'B']), made_by=found['made_by'])


def _pushes_itself(builder: Builder, order: Order) -> bool:
    """Whether the build sends the image: one for several platforms is kept nowhere else."""
    return order.push and len(order.platforms) > 1 and builder.kind == 'buildkit'


def _kind(engine: Engine) -> str:
    if engine.is_podman:
        return 'buildah'
    if environment.variables().get('DOCKER_BUILDKIT') == '0':
        return 'classic'
    with suppress(StartError):
        engine.run('buildx', 'version', timeout_s=ANSWER_S)
        return 'buildkit'
    return 'classic'


def _watched(command: list[str], secret: Mapping[str, str], context: Context | None, on_line: OnLine) -> None:
    """Run a command to its end, with its lines told while it runs."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE if context else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment.for_child({**_PLAIN, **secret}),
        process_group=0,  # Ctrl-C reaches only us, and what it starts ends with it
    )
    failures: list[BaseException] = []
    feeding = threading.Thread(target=_feed, args=(process, context, failures), name='headrace-build-context')
    with process:
        try:
            feeding.start()
            hidden = ' '.join(secret.values()).split()
            lines = [*_told(process.stdout or (), on_line, hidden)]
        except BaseException:
            _end(process)
            raise
        finally:
            process.wait()
            feeding.join()
    if failures:
        raise failures[0]
    if process.returncode:
        what, said = ' '.join(command[:2]), ''.join(lines)
        raise StartError(
            f'{what} ended with {process.returncode}: {last_words(said, _LINES)}',
            help=_NO_IMAGE_HELP if command[1] != 'push' and _NO_IMAGE.search(said) else '',
        )


def _end(process: subprocess.Popen[bytes]) -> None:
    """Have a builder end, with all that it has started: in good order if it does so soon; it may hang."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(ENDS_WITHIN_S)
        os.killpg(process.pid, signal.SIGKILL)


def _feed(process: subprocess.Popen[bytes], context: Context | None, failures: list[BaseException]) -> None:
    if context is None or process.stdin is None:
        return
    try:
        with suppress(BrokenPipeError), process.stdin as out:
            context.write(out)  # type: ignore[arg-type]  # a pipe is all of a file that an archive needs
    except BaseException as error:  # it is raised where the build is waited for
        failures.append(error)
        _end(process)


def _told(lines: Iterable[bytes] | IO[bytes], on_line: OnLine, hidden: Iterable[str]) -> Iterable[str]:
    for line in lines:
        text = line.decode(errors='replace')
        for secret in hidden:
            text = text.replace(secret, '***')
        on_line(text.rstrip())
        yield text
