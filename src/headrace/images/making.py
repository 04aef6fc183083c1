"""What a user wants an image of in; out, all that an engine is given for it, and then the image."""

from __future__ import annotations

import posixpath
import re
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from msgspec import Struct

from headrace.deploy.writing import within
from headrace.errors import SpecError, StartError
from headrace.images.bases import base_of
from headrace.images.builder import Builder, Image, OnLine, Order, build, inspect
from headrace.images.context import Context, context
from headrace.images.dockerfile import CUDA, CUDA_PYTHON, EXTRA, MARK, PYTHON, Recipe, dockerfile
from headrace.images.ignore import FILE, ignore_of, secrets_in
from headrace.images.imports import Code, lacking
from headrace.images.index import Index
from headrace.images.labels import labels, origin
from headrace.images.locking import Choosing, Lock, lock
from headrace.images.named import check_named
from headrace.images.own import Own, own
from headrace.images.programs import text_of
from headrace.images.requirements import (
    REQUIREMENTS,
    SYSTEM,
    SYSTEM_FOR_BUILDING,
    Requirements,
    names_in,
    requirements,
    spelt,
    system_packages,
)
from headrace.images.subject import Subject, subject
from headrace.images.told import Told, told_by

DOCKERFILES = ('Dockerfile', 'Containerfile')
LARGE = 200_000_000
"""Bytes of a folder above which somebody should know that they go into the image."""


_PYTHON = re.compile(r'\bpy(?:thon)?[:-]?(3\.\d+)')


class Wanted(Struct, frozen=True, kw_only=True):
    """What a user says of an image.

    `path`, `uses` and `root` are those of `subject`; `settings` are values of `${{ }}` in a Flow's YAML.
    `base` and `python` are '' if nobody says them, `headrace` is as `own` takes it; `arguments` are those of
    the Dockerfile.
    """

    path: str = '.'
    uses: str = ''
    root: Path | None = None
    settings: Mapping[str, Any] = {}
    requirements: str = ''
    extras: tuple[str, ...] = ()
    base: str = ''
    python: str = ''
    arguments: Mapping[str, str] = {}
    is_gpu: bool = False
    headrace: str = ''
    index: Index = Index()
    upgrade: bool = False
    is_locked: bool = False

    @property
    def build_arguments(self) -> dict[str, str]:
        """What the Dockerfile is given, the base among it."""
        return {**({'BASE': self.base} if self.base else {}), **self.arguments}


class Sketch(Struct, frozen=True, kw_only=True):
    """What an image will be: known without a builder, and without the network.

    `text` is the Dockerfile: the user's own if `is_theirs`. `notes` are what a user should know of it.
    """

    wanted: Wanted
    subject: Subject
    told: Told
    needed: Requirements
    own: Own
    recipe: Recipe
    python: str
    text: str
    is_theirs: bool
    notes: tuple[str, ...]


class Built(Struct, frozen=True, kw_only=True):
    """An image that was made: what it is, what it stands on, and how long each part took.

    `image` is None for one that was sent away and not kept, `base` if the engine does not tell. `lacks` are
    the notes on what its code imports and it has not.
    """

    tags: tuple[str, ...]
    image: Image | None
    base: Image | None
    lock: Lock
    files: int
    bytes: int
    created: int
    choosing_s: float
    building_s: float
    lacks: tuple[str, ...] = ()


def sketch(wanted: Wanted) -> Sketch:
    """What an image of this will be; SpecError if there is something that cannot be."""
    found = subject(wanted.path, uses=wanted.uses, root=wanted.root)
    needed = requirements(found.folder, file=wanted.requirements, extras=wanted.extras)
    headrace = own(wanted.headrace)
    told = told_by(found, wanted.settings)
    notes = told.notes
    theirs = next((found.folder / name for name in DOCKERFILES if (found.folder / name).is_file()), None)
    written = text_of(theirs) if theirs else ''
    if not theirs or written.startswith(MARK):  # another one may bring code of its own
        check_named(found.folder, told.code, dict.fromkeys((posixpath.dirname(found.flow), '')))
    arguments = wanted.build_arguments
    base = base_of(written, arguments) if theirs else arguments.get('BASE', '')
    base = base or (CUDA if wanted.is_gpu and not theirs else '')
    python = wanted.python or _python_of(base)
    recipe = Recipe(
        subject=found,
        base=base if theirs or base else PYTHON.format(python=python),
        headrace=headrace.requirement,
        lock=needed.lock,
        system=system_packages(found.folder, SYSTEM),
        building=system_packages(found.folder, SYSTEM_FOR_BUILDING),
        has_wheels=wanted.index.wheels is not None,
        is_offline=wanted.index.is_offline,
        is_gpu=wanted.is_gpu,
        settings=tuple(f'{key}={value}' for key, value in wanted.settings.items()),
        ports=told.ports,
    )
    text = written if theirs else dockerfile(recipe)
    if theirs:
        notes += _notes_on(theirs, text, recipe, base=wanted.base)
    return Sketch(
        wanted=wanted,
        subject=found,
        told=told,
        needed=needed,
        own=headrace,
        recipe=recipe,
        python=python,
        text=text,
        is_theirs=theirs is not None,
        notes=notes,
    )


def pin(made: Sketch) -> Lock:
    """The versions of what the image will hold; new ones are written into the folder."""
    wanted = made.wanted
    how = Choosing(python=made.python, index=wanted.index, upgrade=wanted.upgrade, is_fixed=wanted.is_locked)
    found = lock(made.needed, made.own, how)
    if found.is_new:
        path = within(made.subject.folder, found.file)
        try:
            path.write_text(found.text, encoding='utf-8')
        except OSError as error:
            raise SpecError(f'{path} cannot be written: {error}', help='make the folder writable') from None
    return found


def gather(made: Sketch, locked: Lock, wheel: Path | None) -> Context:
    """The files that the builder gets."""
    more: dict[str, str | bytes | Path] = {'Dockerfile': made.text, locked.file: locked.text}
    if wheel is not None:
        more[f'{EXTRA}/{wheel.name}'] = wheel
    folder = made.wanted.index.wheels
    if folder is not None:
        found = [file for file in sorted(folder.iterdir()) if file.suffix in ('.whl', '.gz')]
        if not found:
            raise SpecError(f'{folder} has no wheels', help='pip download fills a folder with them')
        more |= {f'{EXTRA}/wheels/{file.name}': file.resolve() for file in found}
    return context(made.subject.folder, ignore_of(made.subject.folder), more)


def notes_of(files: Context) -> tuple[str, ...]:
    """What a user should know of the files that go into an image."""
    found = []
    if secrets := secrets_in(files.files):
        names = ', '.join(secrets[:3]) + (' and others' if len(secrets) > 3 else '')
        found.append(f'{names} goes into the image: leave it out in {FILE} if it is a secret')
    if files.size > LARGE:
        largest = max(files.files, key=lambda name: (files.folder / name).lstat().st_size)
        found.append(f'{files.size / 1e6:,.0f} MB of files go into the image, the largest is {largest}')
    return tuple(found)


def notes_on_imports(made: Sketch, locked: Lock, files: Context) -> tuple[str, ...]:
    """What the code imports that the image will not have, as far as can be known without running it."""
    folder = posixpath.dirname(made.subject.flow)
    code = Code(files.folder, files.files, dict.fromkeys((folder, '')))
    has = names_in(locked.text)
    if made.is_theirs:
        has |= {*map(spelt, re.findall(r'[\w.-]+', made.text))}  # it may install something itself
    told = lacking(code.imports(made.told.code), has)
    return tuple(
        f'{each.file}, line {each.line}, imports {each.top}, which the image will not have: add '
        f'{package or "the package that it is in"} to {made.needed.file or REQUIREMENTS}'
        for each, package in told.items()
    )


def make(made: Sketch, builder: Builder, order: Order, on_line: OnLine, on_note: OnLine) -> Built:
    """Build the image. `order` has tags, platforms and arguments; labels and origin are added to it.

    Raises StartError with what the builder said, if it fails.
    """
    began = time.monotonic()
    locked = pin(made)
    with ExitStack() as stack:
        wheel = made.own.wheel(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        chosen = time.monotonic()
        files = gather(made, locked, wheel)
        lacks = notes_on_imports(made, locked, files)
        for note in (*notes_of(files), *lacks):
            on_note(note)
        complete = _complete(made, files, order)
        build(builder, files, complete, on_line)
    return Built(
        tags=order.tags,
        image=_seen(builder, order.tags[0], on_note),
        base=_seen(builder, made.recipe.base, on_note),
        lock=locked,
        files=len(files.files),
        bytes=files.size,
        created=complete.created,
        choosing_s=chosen - began,
        building_s=time.monotonic() - chosen,
        lacks=lacks,
    )


def _seen(builder: Builder, name: str, on_note: OnLine) -> Image | None:
    """What the engine tells of an image; one that does not tell takes nothing away from a good build."""
    try:
        return inspect(builder.engine, name)
    except StartError as error:
        on_note(f'how large {name} is cannot be said: {error.message}')
        return None


def default_tag(made: Sketch) -> str:
    """What an image is called if nobody says it: its name, with the version of its project."""
    version = re.sub('[^A-Za-z0-9_.-]', '-', str(origin_version(made)))
    return f'{made.subject.name}:{version or "latest"}'


def origin_version(made: Sketch) -> str:
    """The version that the project says it has."""
    return origin(made.subject, Context(folder=made.subject.folder, files=(), more={})).version


def _complete(made: Sketch, files: Context, order: Order) -> Order:
    found = origin(made.subject, files)
    told = labels(made.subject, found, base=made.recipe.base)
    return Order(
        tags=order.tags,
        labels={**told, **order.labels},
        arguments={**made.wanted.build_arguments, **order.arguments},
        secret={**made.wanted.index.for_build, **order.secret},
        platforms=order.platforms,
        use_cache=order.use_cache,
        push=order.push,
        created=found.created,
    )


def _python_of(base: str) -> str:
    """The version of Python of a base, as far as its name tells; else that of this process."""
    if told := _PYTHON.search(base):
        return told[1]
    return CUDA_PYTHON if base == CUDA else '.'.join(map(str, sys.version_info[:2]))


def _notes_on(file: Path, text: str, recipe: Recipe, *, base: str) -> tuple[str, ...]:
    """What an own Dockerfile has to do with what is asked for besides."""
    if f'{EXTRA}/headrace-' in text and recipe.headrace:
        raise SpecError(
            f'{file} takes a wheel of headrace, and this is a release',
            help='write it anew: remove it, and give --write',
        )
    ignored = {'--wheels': recipe.has_wheels and f'{EXTRA}/wheels' not in text, '--gpu': recipe.is_gpu}
    ignored['--base'] = bool(base) and not re.search(r'^\s*ARG\s+BASE\b', text, re.MULTILINE | re.IGNORECASE)
    ignored[SYSTEM] = any(package not in text for package in recipe.system)
    without = ', '.join(name for name, is_ignored in ignored.items() if is_ignored)
    told = f'{file.name} of the folder is used as it is'
    return (f'{told}: it knows nothing of {without}' if without else told,)
