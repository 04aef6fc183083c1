"""`headrace new NAME`: a project that is right from its first day."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from shlex import quote
from tempfile import TemporaryDirectory

import click

from headrace._version import __version__
from headrace.cli.output import waiting, written
from headrace.deploy.project import is_development, project_files
from headrace.deploy.writing import write
from headrace.errors import HeadraceError, SpecError
from headrace.images.exported import ignore_text
from headrace.images.making import Wanted, pin, sketch


@click.command('new')
@click.argument('name')
@click.option(
    '-o',
    '--output',
    type=click.Path(path_type=Path, file_okay=False),
    help='Folder to make; default: one of this name, here.',
)
def command(name: str, output: Path | None) -> None:
    """Make a project: executor, Flow, tests, Dockerfile, pipeline.

    The versions that go into its image are chosen now, and kept in requirements.lock; where they cannot be,
    a note says so, and the first build chooses them.

    \b
    Examples:
        headrace new my-shop
        cd my-shop && pip install -e '.[dev]' && pytest && headrace run flow.yml
    """
    folder = output or Path(name)
    made = project_files(Path(name).name)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise SpecError(f'{folder} is there already, and not empty', help='give another name, or -o FOLDER')
    for path in write({**made, **_of_image(made, folder.resolve().name)}, folder):
        written(path)
    if is_development():
        click.echo(
            f'note: headrace {__version__} is a development version, which package indexes do not have: '
            'README.md says how `pip install` and the pipeline come to it',
            err=True,
        )
    click.echo(
        f"\nnext: cd {quote(str(folder))} && pip install -e '.[dev]' && pytest && headrace run flow.yml"
    )


def _of_image(made: Mapping[str, str], name: str) -> dict[str, str]:
    """The files that say how a project's image is made; it is laid out elsewhere first, for they may fail."""
    with TemporaryDirectory() as place:
        folder = Path(place, name)
        write(made, folder)
        planned = sketch(Wanted(path=str(folder)))
        files = {'Dockerfile': planned.text, '.dockerignore': ignore_text(folder, 'compose', 'k8s')}
        try:
            with waiting('choosing versions ...'):
                locked = pin(planned)
        except HeadraceError as error:
            why = error.message.splitlines()[0].replace(f'{folder}/', '').rstrip(':')
            click.echo(f'note: no {planned.needed.lock} yet, `headrace build` makes it: {why}', err=True)
            return files
        return {**files, locked.file: locked.text}
