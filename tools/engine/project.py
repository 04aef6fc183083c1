"""Turns this checkout into an image for the tests, as `headrace build` makes it of a Flow with no executors.

Images that tests build with `headrace build` share its layers: what Headrace requires is installed once.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.engine import base

ROOT = Path(__file__).resolve().parents[2]
REPOSITORY = 'headrace-tests/headrace'
KEPT = 4
"""Images of checkouts that the engine keeps: several sessions may be at work."""


def build() -> str:
    """Have the image of this checkout, as it is now, in the engine that `docker` finds; its name."""
    name = f'{REPOSITORY}:{_digest()}'
    found = subprocess.run(['docker', 'image', 'inspect', name], capture_output=True, check=False)
    if found.returncode == 0:
        return name
    below = base.build()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, 'flow.yml').write_text('executors: []\n')
        program = 'from headrace.cli import main; main()'
        command = [sys.executable, '-c', program, 'build', folder, '--engine', 'docker', '--base', below]
        done = subprocess.run([*command, '--tag', name], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f'{name} was not built: {(done.stdout + done.stderr)[-3000:]}')
    _forget_old()
    return name


def _forget_old() -> None:
    """Remove the images of earlier states of checkouts, but for the newest; one that is in use stays."""
    listed = ['docker', 'images', '--format', '{{.Repository}}:{{.Tag}}', REPOSITORY]
    names = subprocess.run(listed, capture_output=True, text=True, check=False).stdout.split()
    if old := names[KEPT:]:
        subprocess.run(['docker', 'rmi', *old], capture_output=True, check=False)


def _digest() -> str:
    found = hashlib.sha256(base.NAME.encode())
    sources = sorted(path for path in (ROOT / 'src').rglob('*') if path.is_file())
    for path in [ROOT / 'pyproject.toml', *(each for each in sources if '__pycache__' not in each.parts)]:
        found.update(str(path.relative_to(ROOT)).encode() + b'\0' + path.read_bytes() + b'\0')
    return found.hexdigest()[:12]
