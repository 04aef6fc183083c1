"""What an image is made of in; out, its labels: who reads them need not run it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from msgspec import Struct

from headrace._version import __version__
from headrace.errors import SpecError
from headrace.images.commit import commit
from headrace.images.context import Context
from headrace.images.subject import Subject, project
from headrace.spec import environment
from headrace.wire.frames import VERSION

EPOCH_VARIABLE = 'SOURCE_DATE_EPOCH'


class Origin(Struct, frozen=True, kw_only=True):
    """Where a folder's files come from: a commit, with `-dirty` if they differ from it, and a time."""

    revision: str
    created: int
    version: str


def origin(subject: Subject, context: Context) -> Origin:
    """The origin of what goes into an image; the same files tell the same.

    The time is that of SOURCE_DATE_EPOCH, else of the commit, else of the newest file.
    """
    revision, committed = commit(str(subject.folder))
    told = environment.variables().get(EPOCH_VARIABLE, '').strip()
    if told and not told.isdigit():
        raise SpecError(f'{EPOCH_VARIABLE}={told!r} is no time', help='give seconds since 1970')
    version = str(project(subject.folder).get('version') or '')
    return Origin(
        revision=revision,
        created=int(told or committed or context.newest),
        version=version,
    )


def labels(subject: Subject, found: Origin, *, base: str) -> Mapping[str, str]:
    """The labels of an image: those that OCI names, and ours."""
    oci = {
        'title': subject.name,
        'version': found.version,
        'revision': found.revision,
        'created': datetime.fromtimestamp(found.created, UTC).strftime('%Y-%m-%dT%H:%M:%SZ'),
        'base.name': base,
        'licenses': _license(subject),
    }
    ours = {
        'version': __version__,
        'wire': str(VERSION),
        'kind': subject.kind,
        'flow': subject.flow and subject.flow_in_image,
        'uses': subject.uses,
    }
    named = {f'org.opencontainers.image.{key}': value for key, value in oci.items()}
    named |= {f'headrace.{key}': value for key, value in ours.items()}
    return {key: value for key, value in named.items() if value}


def _license(subject: Subject) -> str:
    told = project(subject.folder).get('license')
    return told if isinstance(told, str) else ''
