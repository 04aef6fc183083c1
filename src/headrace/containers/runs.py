"""What a container shall be in; out, the `run` command of the engine that starts it.

It runs as the user who starts it, with no more rights than that: no capabilities, nothing to gain, a file
system that it cannot write to but for /tmp, its workspace, and the volumes that it was given.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from msgspec import Struct

from headrace.containers.engine import Engine
from headrace.errors import SpecError
from headrace.spec.container import bytes_of
from headrace.spec.image import DATA

BOX = '/run/headrace'
"""Where a container has the folder that it shares with its supervisor: its socket, its metrics."""

MAIN = ('headrace', 'worker', '--lifeline')
"""What runs in it; `entrypoint` of the executor takes the place of the first."""

_OBEYED = frozenset(
    (
        *('PATH', 'HOME', 'TMPDIR', 'GNUPGHOME', 'NOTIFY_SOCKET', 'REGISTRY_AUTH_FILE', 'NETAVARK_FW'),
        *('HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'ALL_PROXY', 'SSL_CERT_FILE', 'SSL_CERT_DIR'),
        *('GODEBUG', 'GOGC', 'GOMAXPROCS', 'GOMEMLIMIT', 'GOTRACEBACK', 'GORACE', 'GOCOVERDIR'),
        *('SSH_AUTH_SOCK', 'SSH_AGENT_PID', 'SSH_ASKPASS', 'SSH_ASKPASS_REQUIRE', 'SSH_SK_PROVIDER'),
        *('LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES', 'STORAGE_DRIVER', 'STORAGE_OPTS'),
    )
)
"""Variables that the command of an engine obeys itself, in capitals."""

_OBEYED_AS = (
    *('DOCKER_', 'BUILDKIT_', 'BUILDX_', 'CONTAINER_', 'CONTAINERS_', '_CONTAINERS_', 'PODMAN_'),
    *('LD_', 'XDG_', 'DBUS_'),
)
"""How others begin that it obeys."""

LONGEST_LINE = 60_000
"""Bytes of a line that engines read in a file of variables."""


class Run(Struct, frozen=True, kw_only=True):
    """A container as it shall be.

    `box` is the folder of the machine that it shares with its supervisor, `workspace` the one that it keeps
    its files in. `volumes` are as `volume` gives them, `gpus` names devices ('' for none); `port` is one of
    its own that shall be found on this machine (0: none), `user` as whom it runs ('': as its image says).
    """

    name: str
    image: str
    box: str
    workspace: str
    labels: Mapping[str, str] = {}
    env: Mapping[str, str] = {}
    volumes: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    cpus: float | None = None
    memory: str = ''
    gpus: str = ''
    port: int = 0
    user: str = ''
    keeps_id: bool = False

    @property
    def cidfile(self) -> str:
        """A file that is there when the container is."""
        return f'{self.box}/container'

    @property
    def env_file(self) -> str:
        """The file with the variables that the command of the engine would obey itself."""
        return f'{self.box}/variables'

    def command(self, engine: Engine) -> list[str]:
        """The whole command.

        Values of variables are not in it, where everybody could read them: see `surroundings` and
        `write_variables`.
        """
        program, *arguments = (*self.entrypoint, *MAIN[1:]) if self.entrypoint else MAIN
        options = [
            *('run', '--interactive', '--rm', '--pull', 'never', '--name', self.name),
            *('--cidfile', self.cidfile),
            *('--read-only', '--tmpfs', '/tmp', '--cap-drop', 'ALL'),
            *('--security-opt', 'no-new-privileges', '--no-healthcheck', '--entrypoint', program),
            *_each('--label', (f'{name}={value}' for name, value in self.labels.items())),
            *(['--env-file', self.env_file] if self._obeyed() else []),
            *_each('--env', self.surroundings()),
            *('--volume', f'{self.box}:{BOX}', '--volume', f'{self.workspace}:{DATA}'),
            *_each('--volume', self.volumes),
        ]
        options += ['--userns', 'keep-id'] if self.keeps_id else []
        options += ['--user', self.user] if self.user else []
        options += ['--cpus', f'{self.cpus:g}'] if self.cpus else []
        options += ['--memory', str(bytes_of(self.memory))] if self.memory else []
        options += ['--publish', f'127.0.0.1::{self.port}'] if self.port else []
        if self.gpus and engine.is_podman:
            options += _each('--device', (f'nvidia.com/gpu={name}' for name in self.gpus.split(',')))
        elif self.gpus:
            options += ['--gpus', f'"device={self.gpus}"']
        return engine.command(*options, self.image, *arguments)

    def surroundings(self) -> dict[str, str]:
        """Variables for the command itself, whose values it passes on."""
        return {name: value for name, value in self.env.items() if not _is_obeyed(name)}

    def write_variables(self) -> None:
        """Write the others into a file in the box that nobody else may read.

        Raises SpecError for a value that no file of variables can have.
        """
        lines = [os.fsencode(f'{name}={value}') for name, value in self._obeyed().items()]
        for line in lines:
            if len(line) > LONGEST_LINE or b'\n' in line or b'\r' in line:
                name = line.partition(b'=')[0].decode(errors='replace')
                raise SpecError(
                    f'the value of {name} cannot be given to a container: engines obey variables of this '
                    f'name themselves, and take other ones only on one line of up to {LONGEST_LINE} bytes',
                    help='give the variable another name',
                )
        if lines:
            with open(os.open(self.env_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), 'wb') as file:
                file.write(b''.join(line + b'\n' for line in lines))

    def _obeyed(self) -> dict[str, str]:
        return {name: value for name, value in self.env.items() if _is_obeyed(name)}


def volume(text: str, base: str = '') -> str:
    """A volume of a Flow as engines take it: a folder of the machine is absolute, and there.

    >>> volume('models:/models:ro')
    'models:/models:ro'

    Raises SpecError for what is no volume, and for a folder that is not there.
    """
    source, colon, rest = text.partition(':')
    target = rest.partition(':')[0]
    if not (source and colon and target.startswith('/')):
        raise SpecError(
            f'{text!r} is no volume', help='write host/path:/path, name:/path, or either with :ro at its end'
        )
    if '/' not in source and source not in ('.', '..', '~'):
        return text
    path = Path(base or '.', os.path.expanduser(source)).absolute()
    if not path.exists():
        raise SpecError(f'volume {text!r}: there is no {path}', help='make it, or correct its path')
    return f'{mountable(path.resolve())}:{rest}'


def mountable(path: Path) -> str:
    """A folder as engines take it for a volume; SpecError if its name would say more than a path."""
    if ':' in str(path) or not str(path).isprintable():
        raise SpecError(
            f'{str(path)!r} cannot be a volume of a container: engines take a : for the end of a path',
            help='give the folder another name',
        )
    return str(path)


def _is_obeyed(name: str) -> bool:
    return name.upper() in _OBEYED or name.upper().startswith(_OBEYED_AS)


def _each(option: str, values: Iterable[str]) -> list[str]:
    return [part for value in values for part in (option, value)]
