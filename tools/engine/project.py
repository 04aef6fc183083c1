"""Turns this checkout into an image for the tests: its wheel and what that needs, on top of the base image.

What users build is made by the product itself; this one is for tests of anything else that needs Headrace
in a container. It is laid out alike: user 10001, code in /app, data in /data.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from tools.engine import base

ROOT = Path(__file__).resolve().parents[2]

DOCKERFILE = """\
ARG BASE
FROM $BASE
RUN groupadd --gid 10001 headrace \\
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp headrace \\
 && install -d -o headrace -g headrace /app /data
COPY needed.txt pinned.txt /tmp/
RUN pip install --no-cache-dir --root-user-action=ignore -q -r /tmp/needed.txt -c /tmp/pinned.txt
COPY *.whl /tmp/
RUN pip install --no-cache-dir --root-user-action=ignore -q --no-deps /tmp/*.whl
ENV HEADRACE_BASE=/app HEADRACE_USES=/app HEADRACE_WORKSPACE=/data PYTHONUNBUFFERED=1
LABEL headrace.tests=project
WORKDIR /app
USER 10001:10001
ENTRYPOINT ["headrace"]
"""


def build() -> str:
    """Have the image of this checkout, as it is now, in the engine that `docker` finds; its name."""
    name = f'headrace-tests/headrace:{_digest()}'
    found = subprocess.run(['docker', 'image', 'inspect', name], capture_output=True, check=False)
    if found.returncode == 0:
        return name
    below = base.build()
    with tempfile.TemporaryDirectory() as folder:
        context = Path(folder)
        write_context(context)
        (context / 'Dockerfile').write_text(DOCKERFILE)
        command = ['docker', 'build', '-q', '--build-arg', f'BASE={below}', '--tag', name, folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f'{name} was not built: {(done.stderr + done.stdout)[-2000:]}')
    return name


def write_context(folder: Path) -> None:
    """Write the wheel of this checkout into `folder`, and what it needs, pinned as the tests pin it."""
    project = tomllib.loads((ROOT / 'pyproject.toml').read_text())['project']
    (folder / 'needed.txt').write_text('\n'.join(sorted(project['dependencies'])) + '\n')
    shutil.copy(ROOT / 'requirements/dev.txt', folder / 'pinned.txt')
    command = [sys.executable, '-m', 'hatchling', 'build', '-t', 'wheel', '-d', str(folder)]
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True)


def _digest() -> str:
    found = hashlib.sha256((DOCKERFILE + base.NAME).encode())
    files = [ROOT / 'pyproject.toml', ROOT / 'requirements/dev.txt']
    files += sorted(
        path for path in (ROOT / 'src').rglob('*') if path.is_file() and '__pycache__' not in path.parts
    )
    for path in files:
        found.update(str(path.relative_to(ROOT)).encode() + b'\0' + path.read_bytes() + b'\0')
    return found.hexdigest()[:12]
