"""Where packages come from in; out, the settings by which pip and uv are told, here and in a build.

They are environment variables, and never arguments: an address may have a password in it.
"""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct


class Index(Struct, frozen=True, kw_only=True):
    """The addresses of indexes, the first before the others; `wheels` is a folder with wheels beside them.

    With `is_offline` nothing but the folder is asked.
    """

    urls: tuple[str, ...] = ()
    wheels: Path | None = None
    is_offline: bool = False

    def __repr__(self) -> str:
        return f'Index({len(self.urls)} addresses, wheels={self.wheels})'

    @property
    def for_build(self) -> dict[str, str]:
        """What a build is told: its own stages know it, and the image does not."""
        names = {'PIP_INDEX_URL': self.urls[:1], 'PIP_EXTRA_INDEX_URL': self.urls[1:]}
        return {name: ' '.join(urls) for name, urls in names.items() if urls}

    @property
    def for_pip(self) -> dict[str, str]:
        """What the pip of this machine is told."""
        settings = self.for_build
        if self.wheels:
            settings['PIP_FIND_LINKS'] = str(self.wheels.resolve())
        if self.is_offline:
            settings['PIP_NO_INDEX'] = '1'
        return settings

    @property
    def for_uv(self) -> dict[str, str]:
        """What the uv of this machine is told."""
        names = {'UV_DEFAULT_INDEX': self.urls[:1], 'UV_INDEX': self.urls[1:]}
        settings = {name: ' '.join(urls) for name, urls in names.items() if urls}
        if self.wheels:
            settings['UV_FIND_LINKS'] = str(self.wheels.resolve())
        return settings
