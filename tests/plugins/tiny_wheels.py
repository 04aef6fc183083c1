"""Wheels of a few bytes: an index of packages for tests, without a network."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Sequence
from pathlib import Path


def write_wheel(folder: Path, name: str, version: str, requires: Sequence[str] = ()) -> Path:
    """Write a wheel with one empty module, and give its path."""
    module = name.replace('-', '_')
    info = f'{module}-{version}.dist-info'
    metadata = f'Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n'
    metadata += ''.join(f'Requires-Dist: {each}\n' for each in requires)
    metadata += ''.join(
        f'Provides-Extra: {extra}\n' for extra in re.findall("extra == '(.+?)'", str(requires))
    )
    wheel = 'Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n'
    texts = {f'{module}.py': '', f'{info}/METADATA': metadata, f'{info}/WHEEL': wheel}
    texts[f'{info}/RECORD'] = ''.join(f'{path},,\n' for path in (*texts, f'{info}/RECORD'))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f'{module}-{version}-py3-none-any.whl'
    with zipfile.ZipFile(path, 'w') as archive:
        for member, text in texts.items():
            archive.writestr(zipfile.ZipInfo(member, (1980, 1, 1, 0, 0, 0)), text)
    return path
