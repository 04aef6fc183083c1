"""What dockerd changes in the network of the machine, put back: its chains, its bridges, forwarding."""

from __future__ import annotations

import json
import re
import subprocess
from contextlib import suppress
from pathlib import Path

_SWITCHES = (
    'net/ipv4/ip_forward',
    'net/bridge/bridge-nf-call-iptables',
    'net/bridge/bridge-nf-call-ip6tables',
)
_COMMANDS = ('iptables', 'ip6tables')
_OURS = re.compile(r'DOCKER|NETAVARK|\b(docker0|podman\d+|br-[0-9a-f]{12})\b')


def remember(path: Path) -> None:
    """Write down how things are; what is written already is of an engine that could not tidy up."""
    if path.exists():
        return
    policies = {command: _policy(command) for command in _COMMANDS}
    switches = {name: text for name in _SWITCHES if (text := _switch(name)) is not None}
    told = {'policies': policies, 'switches': switches, 'is_shared': _is_another_at_work()}
    path.write_text(json.dumps(told))


def restore(path: Path) -> None:
    """Make things as they were, unless another engine was at work before."""
    try:
        before = json.loads(path.read_text())
    except (OSError, ValueError):
        return
    if not before['is_shared']:
        for command in _COMMANDS:
            for table in ('nat', 'filter'):
                _clean(command, table)
            if policy := before['policies'].get(command):
                _run(command, '-w', '-P', 'FORWARD', policy)
        for name in _bridges():
            _run('ip', 'link', 'delete', name)
        for name in _SWITCHES:
            if _switch(name) is not None:
                Path('/proc/sys', name).write_text(before['switches'].get(name, '0'))
    path.unlink(missing_ok=True)


def _is_another_at_work() -> bool:
    """Whether somebody else's dockerd runs; rules alone may be those of one that was killed."""
    for path in Path('/proc').glob('[0-9]*/comm'):
        with suppress(OSError):
            if path.read_text().strip() == 'dockerd':
                return True
    return False


def _clean(command: str, table: str) -> None:
    lines = _rules(command, table).splitlines()
    for line in lines:
        if line.startswith('-A ') and _OURS.search(line):
            _run(command, '-w', '-t', table, '-D', *line.split()[1:])
    chains = [line.split()[0][1:] for line in lines if line.startswith((':DOCKER', ':NETAVARK'))]
    for verb in ('-F', '-X'):
        for chain in chains:
            _run(command, '-w', '-t', table, verb, chain)


def _rules(command: str, table: str) -> str:
    return _run(f'{command}-save', '-t', table)


def _policy(command: str) -> str:
    found = re.search(r'^-P FORWARD (\w+)', _run(command, '-w', '-S', 'FORWARD'), re.MULTILINE)
    return found[1] if found else ''


def _bridges() -> list[str]:
    names = [path.name for path in Path('/sys/class/net').iterdir() if (path / 'bridge').is_dir()]
    return [name for name in names if _OURS.fullmatch(name)]


def _switch(name: str) -> str | None:
    try:
        return Path('/proc/sys', name).read_text().strip()
    except OSError:
        return None


def _run(*command: str) -> str:
    """What a command prints; one that is not there, or has nothing to do, prints nothing."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ''
    return done.stdout
