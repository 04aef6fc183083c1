"""The base image of the tests: this very Debian and its Python as an image, so that no registry is needed.

Elsewhere than on Debian it is the official Python image. The pip settings and certificates of this machine
go into the image, so that `RUN pip install` works in it as it does here; it is for tests only.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Iterator
from pathlib import Path

NAME = 'headrace-tests/base:1-py{}.{}'.format(*sys.version_info[:2])
_LABEL = 'headrace.tests=base'
_WANTED = ('ca-certificates', 'libstdc++6', 'libgomp1', 'netbase', 'tzdata', 'media-types')
_SKIPPED = re.compile(
    r'/usr/share/(doc|man|info|locale|lintian|bug|i18n)/|/usr/lib/[^/]+/gconv/|\.opt-[12]\.pyc$|'
    r'/(test|tests|idlelib|tkinter|turtledemo|ensurepip)/'
)
_CERTIFICATES = Path('/etc/ssl/certs')


def build() -> str:
    """Have the base image in the engine that `docker` finds; its name."""
    if _docker('image', 'inspect', NAME).returncode == 0:
        return NAME
    if not Path('/var/lib/dpkg/status').exists():
        official = 'python:{}.{}-slim'.format(*sys.version_info[:2])
        _check(_docker('pull', '-q', official))
        _check(_docker('tag', official, NAME))
        return NAME
    changes = ('ENV PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin', 'ENV LANG=C.UTF-8', 'CMD ["python3"]')
    changes += (f'LABEL {_LABEL}',)
    options = [part for change in changes for part in ('--change', change)]
    with subprocess.Popen(['docker', 'import', *options, '-', NAME], stdin=subprocess.PIPE) as docker:
        assert docker.stdin is not None
        with tarfile.open(fileobj=docker.stdin, mode='w|', dereference=False, bufsize=1 << 20) as archive:
            _fill(archive)
        docker.stdin.close()
    if docker.returncode != 0:
        raise RuntimeError(f'docker import of {NAME} ended with {docker.returncode}')
    return NAME


def _fill(archive: tarfile.TarFile) -> None:
    seen: set[str] = set()

    def add(source: Path, name: str = '') -> None:
        name = name or _real(source)
        for parent in reversed(Path(name).parents):
            if str(parent) not in ('.', '/') and str(parent) not in seen:
                seen.add(str(parent))
                archive.addfile(_folder(str(parent)))
        if name in seen or not (source.is_file() or source.is_symlink()):
            return
        seen.add(name)
        archive.add(source, name.lstrip('/'), recursive=False, filter=_as_root)

    def write(name: str, text: str, mode: int = 0o644) -> None:
        data = text.encode()
        seen.add(name)
        info = tarfile.TarInfo(name.lstrip('/'))
        info.size, info.mode = len(data), mode
        archive.addfile(info, io.BytesIO(data))

    for top in ('bin', 'sbin', 'lib', 'lib64', 'lib32', 'libx32'):  # Debian has merged them into /usr
        if Path('/', top).is_symlink():
            seen.add(f'/{top}')
            archive.add(Path('/', top), top, recursive=False)
    for name in ('/tmp', '/var/tmp'):
        seen.add(name)
        archive.addfile(_folder(name, 0o1777))
    for name in ('/proc', '/sys', '/dev', '/root', '/home', '/run'):
        seen.add(name)
        archive.addfile(_folder(name))
    for name in ('passwd', 'group'):
        write(f'/etc/{name}', Path(f'/usr/share/base-passwd/{name}.master').read_text())
    write('/etc/pip.conf', _pip_settings())
    write('/etc/nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files dns\n')
    for path in _package_files():
        add(path)
    for path in [*_CERTIFICATES.glob('*'), *_pip_certificates()]:
        add(path)
        if path.is_symlink():
            add(path.resolve())
    for path, name in _python_files():
        add(path, name)
    for alias in ('python', 'python3'):
        link = tarfile.TarInfo(f'usr/local/bin/{alias}')
        link.type, link.linkname = tarfile.SYMTYPE, 'python{}.{}'.format(*sys.version_info[:2])
        archive.addfile(link)
    starts = (
        '#!/usr/local/bin/python3\nimport sys\nfrom pip._internal.cli.main import main\nsys.exit(main())\n'
    )
    for alias in ('pip', 'pip3'):
        write(f'/usr/local/bin/{alias}', starts, 0o755)


def _real(path: Path) -> str:
    """Where a path of a package really is: /bin/sh is in /usr/bin."""
    return os.path.join(os.path.realpath(path.parent), path.name)


def _folder(name: str, mode: int = 0o755) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name.lstrip('/'))
    info.type, info.mode = tarfile.DIRTYPE, mode
    return info


def _as_root(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = 0
    info.uname = info.gname = ''
    return info


# Debian's part


def _package_files() -> Iterator[Path]:
    listed = subprocess.run(
        ['dpkg-query', '-L', *sorted(_packages())], capture_output=True, text=True, check=True
    )
    for line in dict.fromkeys(listed.stdout.splitlines()):
        if line.startswith('/') and not _SKIPPED.search(line):
            yield Path(line)


def _packages() -> set[str]:
    """The packages that Debian cannot do without, those of Python's libraries, and what they need."""
    fields = '${binary:Package}\t${Essential}\t${Priority}\t${Pre-Depends}, ${Depends}\t${db:Status-Abbrev}\n'
    told = subprocess.run(
        ['dpkg-query', '-W', '-f', fields], capture_output=True, text=True, check=True
    ).stdout
    rows = [line.split('\t') for line in told.splitlines()]
    installed = {row[0].partition(':')[0]: row for row in rows if row[4].startswith('ii')}
    wanted = {name for name, row in installed.items() if row[1] == 'yes' or row[2] == 'required'}
    queue = [*wanted, *_WANTED, *_packages_of_python()]
    found: set[str] = set()
    while queue:
        name = queue.pop()
        if name in found or name not in installed:
            continue
        found.add(name)
        for alternatives in installed[name][3].split(','):
            names = [re.split(r'[\s(:]', each.strip())[0] for each in alternatives.split('|')]
            queue += [each for each in names if each in installed][:1]
    return {installed[name][0] for name in found}


def _packages_of_python() -> set[str]:
    """The packages of the libraries that Python and its own modules are linked with."""
    modules = Path(sys.base_prefix).glob('lib/python{}.{}/lib-dynload/*.so'.format(*sys.version_info[:2]))
    linked = subprocess.run(
        ['ldd', sys.executable, *map(str, modules)], capture_output=True, text=True, check=False
    )
    libraries = set(re.findall(r'=> (/\S+) \(', linked.stdout))
    both = libraries | {os.path.realpath(path) for path in libraries}
    both |= {path.removeprefix('/usr') for path in both}
    owned = subprocess.run(['dpkg', '-S', *sorted(both)], capture_output=True, text=True, check=False).stdout
    return {line.partition(':')[0] for line in owned.splitlines() if ': /' in line}


# Python's part


def _python_files() -> Iterator[tuple[Path, str]]:
    """The files of this Python, as if it had been installed into /usr/local, with pip as its only package."""
    prefix = Path(sys.base_prefix)
    version = 'python{}.{}'.format(*sys.version_info[:2])
    yield (prefix / 'bin' / version).resolve(), f'/usr/local/bin/{version}'
    for library in prefix.glob('lib/libpython*.so*'):
        yield library, f'/usr/lib/{_multiarch()}/{library.name}'  # where the linker looks without being told
    standard = prefix / 'lib' / version
    yield from _tree(
        standard, f'/usr/local/lib/{version}', without=('site-packages', 'dist-packages', 'config-')
    )
    for site in {*standard.glob('site-packages'), Path('/usr/lib/python3/dist-packages')}:
        for package in site.glob('pip*'):
            if package.is_dir() and (package.name == 'pip' or package.suffix == '.dist-info'):
                yield from _tree(package, f'/usr/local/lib/{version}/site-packages/{package.name}')


def _tree(folder: Path, name: str, without: tuple[str, ...] = ()) -> Iterator[tuple[Path, str]]:
    for path in sorted(folder.rglob('*')):
        inside = path.relative_to(folder)
        if (
            path.is_file()
            and not _SKIPPED.search(f'/{inside}')
            and not inside.parts[0].startswith(without or ('\0',))
        ):
            yield path, f'{name}/{inside}'


def _multiarch() -> str:
    return str(sysconfig.get_config_var('MULTIARCH') or f'{os.uname().machine}-linux-gnu')


# The pip settings of this machine


def _pip_list() -> dict[str, str]:
    told = subprocess.run(
        [sys.executable, '-m', 'pip', 'config', 'list'], capture_output=True, text=True, check=False
    )
    pairs = [line.partition('=') for line in told.stdout.splitlines() if '=' in line]
    return {key.rpartition('.')[2]: value.strip('\'"') for key, _, value in pairs}


def _pip_settings() -> str:
    """The settings as a file; folders of this machine are left out, for the image has none of them."""
    lines = ['[global]']
    for key, value in _pip_list().items():
        kept = [each for each in value.split() if not each.startswith(('file:', '/', '.', '~'))]
        if key == 'cert':
            kept = value.split()
        if kept and key not in ('target', 'prefix', 'user', 'cache-dir', 'log', 'require-virtualenv'):
            lines.append(f'{key} = {" ".join(kept)}')
    return '\n'.join(lines) + '\n'


def _pip_certificates() -> list[Path]:
    named = _pip_list().get('cert', '')
    return [Path(named)] if named and Path(named).is_file() else []


def _docker(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(['docker', *arguments], capture_output=True, text=True, check=False)


def _check(done: subprocess.CompletedProcess[str]) -> None:
    if done.returncode != 0:
        raise RuntimeError(f'{" ".join(done.args)}: {done.stderr.strip()}')
