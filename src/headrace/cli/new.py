"""`headrace new NAME`: a project that is right from its first day."""

from __future__ import annotations

from pathlib import Path

import click

from headrace.cli.output import written
from headrace.deploy.project import project_files
from headrace.deploy.writing import write
from headrace.errors import SpecError
from headrace.images.exported import ignore_text
from headrace.images.making import Wanted, sketch


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

    \b
    Examples:
        headrace new my-shop
        cd my-shop && pip install -e '.[dev]' && pytest && headrace run flow.yml
    """
    folder = output or Path(name)
    made = project_files(Path(name).name)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise SpecError(f'{folder} is there already, and not empty', help='give another name, or -o FOLDER')
    for path in write(made, folder):
        written(path)
    ignored = ignore_text(folder, 'compose', 'k8s')
    for path in write(
        {'Dockerfile': sketch(Wanted(path=str(folder))).text, '.dockerignore': ignored}, folder
    ):
        written(path)
    click.echo(f"\nnext: cd {folder} && pip install -e '.[dev]' && pytest && headrace run flow.yml")
