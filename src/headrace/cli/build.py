"""`headrace build PATH`: an image of an executor or of a whole Flow."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.table import Table

from headrace.cli.options import KeyValue
from headrace.cli.output import show, write, written
from headrace.cli.terminal import visible
from headrace.containers.engine import PROGRAMS
from headrace.errors import SpecError
from headrace.images.builder import Image, Order, find_builder
from headrace.images.contents import contents, load_all
from headrace.images.dockerfile import EXTRA, MARK
from headrace.images.exported import ignore_text
from headrace.images.ignore import FILE
from headrace.images.index import Index
from headrace.images.making import Built, Sketch, Wanted, default_tag, make, pin, sketch
from headrace.spec import environment
from headrace.spec.image import DATA

Decorated = TypeVar('Decorated', bound=Callable[..., Any])

_STEP = re.compile(r'(?i)^(?:\[[\d/]+\] )?step \d+|^#\d+ \[')
_PARTS = ('requirements', 'headrace', 'code')
_HERE = '127.0.0.1'

_folder = click.Path(file_okay=False, exists=True, path_type=Path)
_OPTIONS = (
    click.option('-t', '--tag', 'tags', multiple=True, help='Name of the image; may be repeated.'),
    click.option(
        '--uses', default='', help='The executor to run, if the folder does not say it: module:Class.'
    ),
    click.option('--context', 'root', type=_folder, help='Folder that goes in; default: that of PATH.'),
    click.option(
        '--set',
        'settings',
        type=KeyValue(typed=True),
        multiple=True,
        help='Value of ${{ key }} in the Flow when the image runs it; may be repeated.',
    ),
    click.option('--base', default='', help='Image to start from; default: python:3.X-slim.'),
    click.option('--python', default='', metavar='3.X', help='Version of Python; default: this one.'),
    click.option('--gpu', is_flag=True, help='Start from an image with CUDA and cuDNN.'),
    click.option('--requirements', default='', metavar='FILE', help='The file that lists requirements.'),
    click.option('--extra', 'extras', multiple=True, help='Extra of pyproject.toml; may be repeated.'),
    click.option('--locked', is_flag=True, help='Refuse if requirements.lock is missing or stale.'),
    click.option('--upgrade', is_flag=True, help='Choose new versions of all requirements.'),
    click.option('--index', 'urls', multiple=True, help='Index of packages; more are asked after it.'),
    click.option('--wheels', type=_folder, help='Folder with wheels to install from, too.'),
    click.option('--offline', is_flag=True, help='Install from --wheels only.'),
    click.option('--headrace', default='', help='Release, wheel or sources of headrace; default: this one.'),
    click.option('--engine', default='', type=click.Choice(['', *PROGRAMS]), help='Default: what is there.'),
    click.option('--platform', 'platforms', multiple=True, help='Such as linux/arm64; may be repeated.'),
    click.option(
        '--build-arg',
        'arguments',
        type=KeyValue(typed=False),
        multiple=True,
        help='Argument of the Dockerfile; may be repeated.',
    ),
    click.option('--label', 'labels', type=KeyValue(typed=False), multiple=True, help='Further label.'),
    click.option('--no-cache', is_flag=True, help='Build every layer anew.'),
    click.option('--push', is_flag=True, help='Send the image to its registry.'),
    click.option('--print', 'only_print', is_flag=True, help='Print the Dockerfile, and build nothing.'),
    click.option('--write', is_flag=True, help='Write Dockerfile and .dockerignore, and build nothing.'),
    click.option(
        '--sbom',
        type=click.Path(dir_okay=False, path_type=Path),
        metavar='FILE',
        help='Write what is in the image to a file, as CycloneDX.',
    ),
    click.option('--verbose', is_flag=True, help='Show all that the builder says.'),
)


def _build_options(function: Decorated) -> Decorated:
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


@click.command('build')
@click.argument('path', default='.')
@_build_options
def command(path: str, **options: Any) -> None:
    """Make an image of an executor, or of a whole Flow.

    PATH is a folder with a flow.yml, a config.yml or one Python file with an executor, or such a file itself.
    The versions of its requirements are chosen once and kept in requirements.lock beside them. The image runs
    as a user without rights, needs to write to /data and /tmp only, and says by itself whether it is well.
    Its Dockerfile is shown with --print; --write puts it into the folder, and from then on it is yours.

    \b
    Examples:
        headrace build . -t shop/search:1.0
        headrace build encoder.py:Encoder --base registry.example.com/python:3.12
        headrace build flow.yml --print
        headrace build . --locked --platform linux/arm64 -t shop/search:1.0 --push
    """
    made = sketch(_wanted(path, options))
    for note in made.notes:
        _note(note)
    if options['only_print']:
        click.echo(made.text, nl=False)
        return
    if options['write']:
        _write(made)
        return
    order = Order(
        tags=options['tags'] or (default_tag(made),),
        labels=dict(options['labels']),
        arguments=dict(options['arguments']),
        platforms=tuple(options['platforms']),
        use_cache=not options['no_cache'],
        push=options['push'],
    )
    if options['sbom']:
        _check_listing(options['sbom'])
    builder = find_builder(options['engine'])
    with Steps(is_verbose=options['verbose']) as steps:
        built = make(made, builder, order, steps.line, _note)
    if options['sbom']:
        write(contents(builder.engine, built.tags[0], created=built.created), options['sbom'])
    _tell(built, made, builder.engine.name)


def _check_listing(file: Path) -> None:
    """What can be known of --sbom before an image is made, and perhaps sent away."""
    load_all()
    if not file.parent.is_dir() or not os.access(file if file.exists() else file.parent, os.W_OK):
        raise SpecError(f'--sbom: {file} cannot be written', help='name a file in a folder that is there')


def _wanted(path: str, options: dict[str, Any]) -> Wanted:
    index = Index(urls=options['urls'], wheels=options['wheels'], is_offline=options['offline'])
    if index.is_offline and not index.wheels:
        raise SpecError('--offline: there is nothing to install from', help='name a folder with --wheels')
    if options['python'] and not re.fullmatch(r'3\.\d+', options['python']):
        raise SpecError(f'--python {options["python"]} is no version', help='write --python 3.12')
    return Wanted(
        path=path,
        uses=options['uses'],
        root=options['root'],
        settings=dict(options['settings']),
        requirements=options['requirements'],
        extras=options['extras'],
        base=options['base'],
        python=options['python'],
        arguments=dict(options['arguments']),
        is_gpu=options['gpu'],
        headrace=options['headrace'],
        index=index,
        upgrade=options['upgrade'],
        is_locked=options['locked'],
    )


def _write(made: Sketch) -> None:
    """Put into the folder what makes the image; what is there already stays."""
    folder = made.subject.folder
    if made.is_theirs:
        raise SpecError(f'{folder} has a Dockerfile already', help='change it, or remove it first')
    pin(made)
    texts = {'Dockerfile': made.text, FILE: ignore_text(folder)}
    for name, text in texts.items():
        if not (folder / name).exists():
            (folder / name).write_text(text, encoding='utf-8')
            written(folder / name)
    if not made.recipe.headrace:
        _note(
            f'this headrace is no release: `headrace build` gives the builder a wheel of it in {EXTRA}, '
            'a plain `docker build` does not'
        )


class Steps:
    """Shows what a builder does: its step now on a terminal, a line for each elsewhere, or all it says."""

    def __init__(self, *, is_verbose: bool) -> None:
        self._is_verbose = is_verbose
        self._console = Console(stderr=True, highlight=False)
        self._status = self._console.status('choosing versions ...')

    def __enter__(self) -> Steps:
        if self._console.is_terminal:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._status.stop()

    def line(self, text: str) -> None:
        """Take a line of the builder."""
        text = visible(text)
        if self._is_verbose:
            click.echo(text, err=True)
        elif _STEP.match(text):
            if self._console.is_terminal:
                self._status.update(text[: max(20, self._console.width - 10)].replace('[', r'\['))
            else:
                click.echo(text[:120], err=True)


def _tell(built: Built, made: Sketch, program: str) -> None:
    """Print what the image is, and how it is run."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_row('image', ', '.join(built.tags))
    if built.image:
        base = f', {_mb(built.image.size - built.base.size)} of it above its base' if built.base else ''
        table.add_row('size', f'{_mb(built.image.size)}{base}')
        table.add_row('layers', _layers(built.image, () if made.is_theirs else _PARTS))
        table.add_row('id', built.image.id.removeprefix('sha256:')[:12])
    count = f'{built.lock.count} packages in {built.lock.file}'
    table.add_row('requirements', f'{count}{", chosen now: commit it" if built.lock.is_new else ""}')
    table.add_row('code', f'{built.files} files, {_mb(built.bytes)}')
    table.add_row('time', f'{built.choosing_s:.1f} s for versions, {built.building_s:.1f} s for the image')
    show(table)
    if built.image and made.subject.kind == 'executor' and not made.is_theirs:
        click.echo(f"in a Flow:   uses: 'docker://{built.tags[0]}'")
    if built.image and (not made.is_theirs or made.text.startswith(MARK)):
        _tell_trial(built.tags[0], made, program)
    for note in built.lacks:  # again: the builder has said much since
        _note(note)


def _tell_trial(image: str, made: Sketch, program: str) -> None:
    """Print the command that runs the image here, and what it leaves behind."""
    volume = made.subject.name
    options = [f'-e {name}' for name in made.told.variables]
    options += [f'-p {_HERE}:{port}:{port}' for port in made.told.ports]
    options += [f'-e HEADRACE_PUBLISHED={_HERE}'] if made.told.ports else []
    command = ' '.join((f'{program} run --rm --read-only --tmpfs /tmp -v {volume}:{DATA}', *options, image))
    click.echo(f'try it:      {command}')
    click.echo(f'afterwards:  {program} volume rm {volume}   # what its executors have kept')
    unset = [name for name in made.told.variables if name not in environment.variables()]
    if unset:
        _note(f'it wants {", ".join(unset)}, not set here: export {unset[0]}=...')


def _layers(image: Image, names: Sequence[str]) -> str:
    """How many layers there are, and how large the last copied ones are, which have these names."""
    copied = [layer for layer in image.layers if 'COPY ' in layer.made_by]
    named = zip(names, copied[-len(names) :], strict=False)
    sizes = ', '.join(f'{name} {_mb(layer.size)}' for name, layer in named)
    return f'{len(image.layers)}{": " if sizes else ""}{sizes}'


def _mb(size: int) -> str:
    return f'{size / 1e6:,.1f} MB' if size < 1e8 else f'{size / 1e6:,.0f} MB'


def _note(text: str) -> None:
    click.echo(f'note: {visible(text)}', err=True)
