"""What is to be in an image in; out, the Dockerfile that makes it.

What changes rarely stands first: system packages, then requirements, then headrace, then the code, so that a
change of the code copies the code and nothing else. Compilers, pip and its settings stay in stages of their
own. Only what every builder knows is used: BuildKit, the builder before it, and Buildah.
"""

from __future__ import annotations

import json
import re

from msgspec import Struct

from headrace._version import __version__
from headrace.deploy.probing import probe
from headrace.errors import SpecError
from headrace.images.context import EPOCH
from headrace.images.ignore import OURS
from headrace.images.subject import Subject
from headrace.spec.image import APP, DATA, DOORS, HEALTH_PORT, USER, WORK_PORT

PYTHON = 'python:{python}-slim'
CUDA = 'nvidia/cuda:12.8.1-cudnn-runtime-ubuntu24.04'
CUDA_PYTHON = '3.12'
"""The Python of Ubuntu 24.04."""

VENV = '/venv'
EXTRA = '.headrace'
"""The folder of the context for what is not in the user's folder: a wheel of headrace, wheels of others."""

MARK = '# Made by `headrace build`'
"""How a Dockerfile begins that was made here."""

_PLAIN = re.compile('[A-Za-z0-9_./:-]+')
_GPU = 'NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility'
_INSTALL = f'python3 -m pip --python {VENV}/bin/python install --no-deps --no-compile --root /layer'
_APT = 'apt-get update && apt-get install -y --no-install-recommends {} && rm -rf /var/lib/apt/lists/*'


class Recipe(Struct, frozen=True, kw_only=True):
    """What is to be in an image.

    `headrace` is a requirement, '' if a wheel of it is in the context's folder `EXTRA`; `lock` is the file
    with the versions of all else. `system` are Debian packages of the image, `building` those that only its
    building needs.
    `settings` are values of `${{ }}` in the Flow's YAML, `ports` what its gateway listens at.
    """

    subject: Subject
    base: str
    headrace: str
    lock: str
    system: tuple[str, ...] = ()
    building: tuple[str, ...] = ()
    has_wheels: bool = False
    is_offline: bool = False
    is_gpu: bool = False
    settings: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()


def dockerfile(recipe: Recipe) -> str:
    """The Dockerfile of an image."""
    parts = (_top(recipe), _base(recipe), _requirements(recipe), _headrace(recipe), _code(), _image(recipe))
    return '\n'.join(part.strip('\n') + '\n' for part in parts)


def command_of(recipe: Recipe) -> tuple[str, ...]:
    """What the image does if nothing else is said: it serves the Flow, or the executor alone."""
    open_door = ('--host', '0.0.0.0', '--insecure', '--health', f'0.0.0.0:{HEALTH_PORT}')
    if recipe.subject.kind == 'flow':
        settings = (word for setting in recipe.settings for word in ('--set', setting))
        return ('run', recipe.subject.flow_in_image, *settings, *open_door)
    doors = (word for name, port in DOORS.items() for word in ('--protocol', name, '--port', str(port)))
    return ('executor', recipe.subject.uses, *doors, *open_door)


def _top(recipe: Recipe) -> str:
    return f"""
{MARK} of Headrace {__version__}: {recipe.subject.kind} {recipe.subject.name}.
# `headrace build --write` puts this file into the folder; from then on it is yours, and used as it is.
ARG BASE={recipe.base}
"""


def _base(recipe: Recipe) -> str:
    system = recipe.system + (('python3',) if recipe.is_gpu else ())
    install = f'RUN {_APT.format(" ".join(sorted(system)))}\n' if system else ''
    return f"""
# 1. the system
FROM ${{BASE}} AS system
USER root
{install}"""


def _requirements(recipe: Recipe) -> str:
    building = recipe.building + (('python3-pip',) if recipe.is_gpu else ())
    install = f'RUN {_APT.format(" ".join(sorted(building)))}\n' if building else ''
    wheels = f'COPY {EXTRA}/wheels /build/wheels\nENV PIP_FIND_LINKS=/build/wheels\n'
    wheels = wheels if recipe.has_wheels else ''
    offline = ' PIP_NO_INDEX=1' if recipe.is_offline else ''
    return f"""
# 2. requirements, in a stage that stays behind with all that installs them; what goes on is in /layer.
#    Who runs is no root, and may write to {DATA} and /tmp.
FROM system AS requirements
{install}ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore{offline}
RUN python3 -m venv --without-pip {VENV} && mkdir -p /layer/etc /layer{DATA} && cp -a {VENV} /layer \\
 && cp /etc/passwd /etc/group /layer/etc && chown {USER}:{USER} /layer{DATA} \\
 && echo 'headrace:x:{USER}:{USER}:Headrace:/tmp:/usr/sbin/nologin' >> /layer/etc/passwd \\
 && echo 'headrace:x:{USER}:' >> /layer/etc/group
{wheels}# where packages come from: an address given here is known in this stage, and not in the image
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
COPY {json.dumps([recipe.lock, '/build/requirements.lock'])}
RUN {_INSTALL} -r /build/requirements.lock
{_compiled()}
"""


def _headrace(recipe: Recipe) -> str:
    copy = f'ARG HEADRACE={recipe.headrace}' if recipe.headrace else f'COPY {EXTRA}/headrace-*.whl /build/'
    what = '"$HEADRACE"' if recipe.headrace else '/build/headrace-*.whl'
    return f"""
# 3. headrace, apart from what it requires, which changes less often
FROM requirements AS headrace
RUN rm -rf /layer
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
{copy}
RUN {_INSTALL} {what}
{_compiled()}
"""


def _code() -> str:
    ours = ' '.join(f'/layer{APP}/{name}' for name in OURS)
    return f"""
# 4. the code
FROM system AS code
COPY . /layer{APP}
RUN rm -rf {ours}
{_compiled('checked-hash')}
"""


def _image(recipe: Recipe) -> str:
    subject = recipe.subject
    uses = f' \\\n    HEADRACE_USES={_quoted(subject.uses)}' if subject.uses else ''
    gpu = f' \\\n    {_GPU}' if recipe.is_gpu else ''
    ports = ' '.join(map(str, dict.fromkeys((*recipe.ports, WORK_PORT, HEALTH_PORT))))
    return f"""
# the image
FROM system
COPY --from=requirements /layer /
COPY --from=headrace /layer /
COPY --from=code /layer /
ENV PATH={VENV}/bin:$PATH HOME=/tmp PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \\
    HEADRACE_BASE={APP} HEADRACE_WORKSPACE={DATA}{uses}{gpu}
WORKDIR {APP}
USER {USER}:{USER}
EXPOSE {ports}
# asked without starting a Python
HEALTHCHECK --interval=5s --timeout=3s --start-period=120s --retries=3 \\
    CMD {json.dumps(probe('/ready', HEALTH_PORT))}
ENTRYPOINT ["headrace"]
CMD {json.dumps(command_of(recipe))}
"""


def _quoted(value: str) -> str:
    """A value as ENV takes it for nothing but text; what no line can hold is refused.

    >>> _quoted('/app/upper.py:Upper'), _quoted('/app/my $file.py:A')
    ('/app/upper.py:Upper', '"/app/my \\\\$file.py:A"')
    """
    if _PLAIN.fullmatch(value):
        return value
    if not value.isprintable():
        raise SpecError(
            f'{value!r} cannot be what an image runs', help='give the file a name without such signs'
        )
    return '"' + re.sub(r'([\\"$])', r'\\\1', value) + '"'


def _compiled(mode: str = 'unchecked-hash') -> str:
    """Bytecode, and times that tell nothing: the same files make the same layer."""
    return (
        f'RUN python3 -m compileall -qq -j 0 --invalidation-mode {mode} -s /layer /layer || true; \\\n'
        f'    find /layer -exec touch -h -d @{EPOCH} {{}} +'
    )
