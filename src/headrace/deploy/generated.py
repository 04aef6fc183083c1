"""Generated files and a folder that has some of an earlier time in; out, what would change, and the change.

Files that were generated say so in their first line; dashboards, which are JSON, by the name there. Those
that are generated no longer are removed; files of others are never touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import unified_diff
from pathlib import Path

from msgspec import Struct

from headrace.deploy.writing import within
from headrace.errors import SpecError

MARK = '# Made by `headrace export'
"""How the first line of a generated file begins."""

DASHBOARD = '{\n  "uid": "headrace-'
"""How a generated dashboard begins: JSON has no comments."""


class Change(Struct, frozen=True):
    """One file that is not as it should be: `before` is None for one to be made, `after` for one to go."""

    path: Path
    before: str | None
    after: str | None


HEADS = ('compose.yaml', 'base/kustomization.yaml', 'prometheus.yml', 'provisioning/dashboards/headrace.yml')
"""Files by which the folder of an export is known."""


def is_export(folder: Path) -> bool:
    """Whether a folder was made by an export, and no code was put there since."""
    if not any(is_generated(_text(folder / name) or '') for name in HEADS):
        return False
    return not any(folder.rglob('*.py'))


def is_generated(text: str) -> bool:
    """Whether an export has written a text.

    >>> is_generated('# Made by `headrace export compose`: ...'), is_generated('services: {}')
    (True, False)
    """
    return text.startswith((MARK, DASHBOARD))


def changes(
    files: Mapping[str, str],
    folder: str | Path,
    *,
    once: Mapping[str, str] | None = None,
    generated: Iterable[str] = (),
) -> list[Change]:
    """What has to change so that a folder holds these files.

    `once` are written if they are not there, and left alone if they are. In the folders `generated` (below
    the other one), what was made earlier and is in `files` no more is removed.

    Raises SpecError where a file of somebody else is in the way, or a link leads out of the folder.
    """
    root = Path(folder)
    found = []
    for name, text in files.items():
        before = _text(within(root, name))
        if before is not None and not is_generated(before):
            raise SpecError(
                f'{root / name} is not of `headrace export`, and would be overwritten',
                help='move it, or name another folder',
            )
        if before != text:
            found.append(Change(root / name, before, text))
    found += [
        Change(within(root, name), None, text)
        for name, text in (once or {}).items()
        if not (root / name).exists()
    ]
    stale = (path for name in generated for path in sorted(root.glob(f'{name}/*')) if path.is_file())
    for path in stale:
        if path.relative_to(root).as_posix() not in files and is_generated(_text(path) or ''):
            found.append(Change(path, _text(path), None))
    return found


def apply(changes: Iterable[Change]) -> None:
    """Make the changes; SpecError if a file cannot be written."""
    for change in changes:
        try:
            if change.after is None:
                change.path.unlink()
                _remove_empty(change.path.parent)
                continue
            change.path.parent.mkdir(parents=True, exist_ok=True)
            change.path.write_text(change.after, encoding='utf-8')
        except OSError as error:
            raise SpecError(f'{change.path} cannot be written: {error}', help='name another folder') from None


def diff(changes: Iterable[Change]) -> str:
    """The changes as a unified diff."""
    lines: list[str] = []
    for change in changes:
        lines += unified_diff(
            (change.before or '').splitlines(keepends=True),
            (change.after or '').splitlines(keepends=True),
            '/dev/null' if change.before is None else str(change.path),
            '/dev/null' if change.after is None else str(change.path),
        )
    return ''.join(lines)


def _remove_empty(folder: Path) -> None:
    """Remove a folder, and those that it is in, as long as nothing is in them."""
    while not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding='utf-8') if path.is_file() else None
    except (OSError, UnicodeDecodeError):
        return ''  # whatever it is, we have not written it
