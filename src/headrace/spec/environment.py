"""Every environment variable of Headrace, typed and described. The only module that reads `os.environ`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from headrace.spec.explain import convert
from headrace.spec.source import Source
from headrace.spec.suggest import closest

PREFIX = 'HEADRACE_'
SECRETS = ('api_key', 'token')
"""Settings that are never shown."""


class Environment(Struct, frozen=True, kw_only=True):
    """The settings that come from the environment: field `log_level` is HEADRACE_LOG_LEVEL, and so on."""

    allow_uris: Annotated[
        str,
        Meta(
            description='Folders and servers that executors may open when a document names them, with spaces '
            'between; as allow_uris of an executor.'
        ),
    ] = ''
    api_key: Annotated[
        str, Meta(description='The API key that clients show where their program gives none.')
    ] = ''
    base: Annotated[
        str,
        Meta(
            description='Where relative paths in a Flow begin, for `headrace gateway` and `headrace worker`.'
        ),
    ] = ''
    debug: Annotated[
        bool,
        Meta(description='1: errors sent to clients carry tracebacks, and the command line prints its own.'),
    ] = False
    engine: Annotated[
        str,
        Meta(
            description='Command of the container engine: docker, podman, or a path; default: whichever of '
            'the two answers.'
        ),
    ] = ''
    log_level: Annotated[
        Literal['DEBUG', 'INFO', 'WARNING', 'ERROR'], Meta(description='The least that is logged.')
    ] = 'INFO'
    published: Annotated[
        str,
        Meta(
            description='In a container: the address of the machine at which its ports are published. At '
            '127.0.0.1 a gateway that asks nobody who they are is on its guard as one that listens there: it '
            'refuses names that a page may have lent.'
        ),
    ] = ''
    runtime_dir: Annotated[
        str, Meta(description="Folder for the sockets of running Flows; default: the system's.")
    ] = ''
    token: Annotated[str, Meta(description='The token that clients show where their program gives none.')] = (
        ''
    )
    uses: Annotated[
        str,
        Meta(description='What `headrace worker` runs for an executor that is an image: its code in there.'),
    ] = ''
    workspace: Annotated[
        str,
        Meta(
            description="Folder for what executors keep if nothing else is said; default: the user's cache."
        ),
    ] = ''

    def __repr__(self) -> str:
        told = {name: value for name, value in msgspec.structs.asdict(self).items() if name not in SECRETS}
        return f'Environment({", ".join(f"{name}={value!r}" for name, value in told.items())})'

    def workspace_root(self) -> Path:
        """The folder for what executors keep: HEADRACE_WORKSPACE, else `headrace` in the user's cache."""
        if self.workspace:
            return Path(self.workspace).expanduser()
        return Path(variables().get('XDG_CACHE_HOME') or '~/.cache').expanduser() / 'headrace'

    def runtime_root(self) -> Path:
        """The folder for sockets: HEADRACE_RUNTIME_DIR, else the session's, else /tmp.

        The paths of Unix sockets are limited to about a hundred bytes, so a long TMPDIR is no place for them.
        """
        named = self.runtime_dir or variables().get('XDG_RUNTIME_DIR', '')
        return Path(named if named and os.access(named, os.W_OK | os.X_OK) else '/tmp')


def read(environ: Mapping[str, str] | None = None) -> Environment:
    """The settings as they are now; SpecError that names the variable whose value cannot be used.

    >>> read({'HEADRACE_LOG_LEVEL': 'debug', 'HEADRACE_DEBUG': '1'}).log_level
    'DEBUG'
    """
    environ = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    for field in msgspec.structs.fields(Environment):
        text = environ.get(PREFIX + field.name.upper(), '').strip()
        if text:
            values[field.name] = _convert(field, text)
    return Environment(**values)


def unknown(environ: Mapping[str, str] | None = None) -> dict[str, str | None]:
    """Variables that begin with HEADRACE_ and mean nothing, each with the one that may have been meant."""
    known = {name.removeprefix(PREFIX): name for name in names()}
    environ = os.environ if environ is None else environ
    strays = sorted(name for name in environ if name.startswith(PREFIX) and name not in known.values())
    return {name: known.get(closest(name.removeprefix(PREFIX), known) or '') for name in strays}


def names() -> tuple[str, ...]:
    """The names of all variables."""
    return tuple(PREFIX + field.name.upper() for field in msgspec.structs.fields(Environment))


def variables() -> Mapping[str, str]:
    """The environment itself, read-only: for `${{ ENV.X }}`."""
    return dict(os.environ)


def add(values: Mapping[str, str]) -> None:
    """Let this process, and what it starts, have these variables from now on."""
    os.environ.update(values)


def colours() -> bool | None:
    """Whether text is to have colours: NO_COLOR and FORCE_COLOR say so; None if nothing does."""
    if variables().get('NO_COLOR'):
        return False
    if variables().get('FORCE_COLOR'):
        return True
    return False if variables().get('TERM') == 'dumb' else None


def for_child(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a new process: this one's, plus `extra`."""
    return {**os.environ, **(extra or {})}


def _convert(field: msgspec.structs.FieldInfo, text: str) -> Any:
    name = PREFIX + field.name.upper()
    if field.name == 'log_level':
        text = text.upper()
    return convert(text, field.type, Source('the environment'), (name,))
