"""What an image is made of in; out, what its YAML tells that has to be known of the image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from headrace.errors import SpecError
from headrace.executors.config import FOLDER_FILES
from headrace.images.programs import text_of
from headrace.images.subject import Subject
from headrace.spec import FlowSpec
from headrace.spec.container import image_of
from headrace.spec.image import APP, DOORS
from headrace.spec.unset import is_name, made_of, variables_in
from headrace.spec.versions import each_version


class Told(Struct, frozen=True, kw_only=True):
    """What is known of a Flow or an executor before it runs.

    `ports` are those it listens at, `code` what its `uses` name, `variables` those of the environment that
    its YAML takes something from, `notes` what a user should know.
    """

    ports: tuple[int, ...] = ()
    code: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def told_by(subject: Subject, settings: Mapping[str, Any]) -> Told:
    """What the YAML of a folder tells; `settings` are values of `${{ name }}` in a Flow.

    Raises SpecError for a Flow that is wrong; one that cannot be read to its end here has a note instead.
    """
    if not subject.flow:
        return Told(
            ports=tuple(DOORS.values()), code=(subject.uses,), variables=variables_in(_text_of(subject))
        )
    path = subject.folder / subject.flow
    variables = variables_in(text_of(path))
    try:
        seen = made_of(path, _seen, context=dict(settings))
    except SpecError as error:
        if '${{' not in error.message:
            raise
        note = f'{subject.flow} is not checked, as not all of it is known here: {error.message}'
        return Told(variables=variables, notes=(note,))
    return replace(seen, variables=tuple(dict.fromkeys((*variables, *seen.variables))))


def _seen(spec: FlowSpec) -> Told:
    """What a Flow tells that could be read to its end."""
    doors = spec.gateway.doors
    secrets = [name for executor in spec.executors for name in executor.env_from_secret]
    return Told(
        ports=tuple(filter(None, doors.values())),
        code=tuple(dict.fromkeys(_code(spec))),
        variables=tuple(dict.fromkeys(filter(is_name, (*secrets, *spec.gateway.env_from_secret)))),
        notes=tuple(
            f'{name} takes another port at each start: give it one' for name in doors if not doors[name]
        ),
    )


def _code(spec: FlowSpec) -> Iterator[str]:
    for executor in each_version(spec.executors):
        for uses in (executor.uses, executor.uses_before, executor.uses_after):
            if isinstance(uses, str) and not image_of(uses):
                yield uses
        yield from executor.py_modules
    yield from filter(None, (spec.gateway.uses, *spec.gateway.apps.values()))


def _text_of(subject: Subject) -> str:
    """The text of the YAML that an executor is described by, if it is."""
    place = subject.folder / PurePosixPath(subject.uses.removeprefix(APP).removeprefix('/'))
    files = [place] if place.suffix in ('.yml', '.yaml') else [place / name for name in FOLDER_FILES]
    return next((text_of(file) for file in files if file.is_file()), '')
