"""The command of a container engine: found, asked, and its failures told in its own words."""

from __future__ import annotations

import logging
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from headrace.errors import SpecError, StartError
from headrace.programs import ended, last_words, run
from headrace.spec import environment

DOCKER = 'docker'
PROGRAMS = (DOCKER, 'podman')
"""Commands that are looked for, in this order."""

ANSWER_S = 20.0
"""How long an engine may take to answer a question."""

_NONE_SUCH = re.compile(r'no such (?!file|host)|not known|invalid reference format', re.IGNORECASE)
"""What engines say of an image or a container that is not there."""

_log = logging.getLogger(__name__)


class Image(Struct, frozen=True, kw_only=True):
    """An image that the engine has."""

    name: str
    id: str
    size: int = 0
    user: str = ''
    env: tuple[str, ...] = ()
    labels: Mapping[str, str] = {}


class Engine(Struct, frozen=True, kw_only=True):
    """A container engine that has answered: the path of its command, which one it is, and its version."""

    program: str
    is_podman: bool = False
    version: str = ''

    @property
    def name(self) -> str:
        """What it is called: docker or podman."""
        return 'podman' if self.is_podman else 'docker'

    def command(self, *arguments: str) -> list[str]:
        """The whole command with these arguments."""
        return [self.program, *arguments]

    def run(self, *arguments: str, failed: str = '', help: str = '', timeout_s: float | None = None) -> str:
        """Run a command to its end and give what it printed; StartError that begins with `failed`.

        It may take as long as an answer, if nothing else is said.
        """
        failed = failed or f'{self.name} {arguments[0]} did not work'
        return run(
            self.command(*arguments),
            failed,
            help=help,
            timeout_s=ANSWER_S if timeout_s is None else timeout_s,
        )

    def image(self, name: str) -> Image | None:
        """What the engine knows of an image; None if it has no such image, or what is called so is an option.

        StartError if it tells nothing of images; with `begun` False if it does not answer at all.
        """
        if not name or name.startswith('-'):
            return None
        done = self._answer('image', 'inspect', name)
        if done.returncode:
            self._check_answers(done.stderr, f'the image {name}')
            return None
        told: dict[str, Any] = msgspec.json.decode(done.stdout)[0]
        config = told.get('Config') or {}
        return Image(
            name=name,
            id=told.get('Id', ''),
            size=told.get('Size', 0),
            user=config.get('User') or '',
            env=tuple(config.get('Env') or ()),
            labels=config.get('Labels') or {},
        )

    def can_get(self, name: str) -> bool:
        """Whether an image is here, or in the registry that its name leads to."""
        if self.image(name) is not None:
            return True
        if not name or name.startswith('-'):
            return False
        try:
            return self._answer('manifest', 'inspect', name).returncode == 0
        except StartError:
            return False

    def has(self, container: str) -> bool:
        """Whether there is a container of this name or id, running or not; StartError if that is not said."""
        done = self._answer('container', 'inspect', container)
        if done.returncode:
            self._check_answers(done.stderr, f'the container {container}')
        return done.returncode == 0

    def _check_answers(self, said: str, of: str) -> None:
        """Raise StartError if it said something else than that there is no such thing."""
        if _NONE_SUCH.search(said):
            return
        engine, reason = _asked(self.program)
        if engine is None:
            raise StartError(
                f'{self.name} does not answer: {reason}',
                begun=False,
                help='see whether it runs; restart it if need be',
            )
        raise StartError(
            f'{self.name} does not tell of {of}: {last_words(said)}',
            help='see what it means, and restart it if need be',
        )

    def _answer(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """What a command says that asks something, however it ends; StartError if it takes too long."""
        try:
            return ended(self.command(*arguments), timeout_s=ANSWER_S)
        except TimeoutError:
            raise StartError(
                f'{self.name} does not answer: {arguments[0]} took more than {ANSWER_S:g} s',
                begun=False,
                help='see whether it hangs; restart it if need be',
            ) from None


def find(wanted: str = '') -> Engine:
    """The engine that HEADRACE_ENGINE (or `wanted`) names, else Docker or Podman, whichever answers.

    Who says with DOCKER_HOST where Docker is means Docker, if its command is there: Podman is elsewhere, and
    has other images. Raises StartError that says what each of them answered.
    """
    wanted = wanted or environment.read().engine
    reasons = []
    for name in (wanted,) if wanted else PROGRAMS:
        program = shutil.which(os.path.expanduser(name))
        if program is None:
            reasons.append(f'there is no command {name!r}')
            continue
        engine, reason = _asked(program)
        if engine is not None:
            if silent := [each for each in reasons if not each.startswith('there is no')]:
                _log.warning('%s; %s is used. HEADRACE_ENGINE=%s says so at once', silent[0], name, name)
            return engine
        where = environment.variables().get('DOCKER_HOST', '')
        if name == DOCKER and where:
            raise StartError(
                f'docker does not answer at {where}: {reason}',
                help='DOCKER_HOST says so: start Docker there, correct or unset it, '
                'or name another engine: HEADRACE_ENGINE=podman',
            )
        reasons.append(f'{name} does not answer: {reason}')
    raise StartError(
        f'no container engine answers: {"; ".join(reasons)}',
        help='start Docker or Podman; HEADRACE_ENGINE names the command, DOCKER_HOST where Docker is',
    )


def no_image(name: str, engine: Engine, *, whose: str = '') -> SpecError:
    """The error for an image that the engine does not have; `whose` begins it: "executor 'encoder': "."""
    return SpecError(
        f'{whose}{engine.name} has no image {name}',
        help=f'get it with `{engine.name} pull {name}`, or make it with `headrace build`',
    )


def _asked(program: str) -> tuple[Engine | None, str]:
    """The engine of a command; or None, and what it said instead."""
    try:
        # What is called docker may be Podman in truth.
        version = ended([program, 'version', '--format', '{{json .}}'], timeout_s=ANSWER_S)
        told: dict[str, Any] = msgspec.json.decode(version.stdout) if version.stdout.strip() else {}
    except TimeoutError:
        return None, f'nothing within {ANSWER_S:g} s'
    except StartError as error:
        return None, error.message
    except msgspec.DecodeError as error:
        return None, str(error)
    client = told.get('Client') or {}
    is_podman = 'APIVersion' in client  # Docker writes ApiVersion
    server = told.get('Server') or (client if is_podman else None)
    if version.returncode or not server:
        return None, last_words(version.stderr or version.stdout)
    return Engine(program=program, is_podman=is_podman, version=server.get('Version', '')), ''
