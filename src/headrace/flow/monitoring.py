"""A Flow and what is promised of it in, the files of the systems that watch it out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from msgspec import Struct

from headrace import deploy
from headrace.errors import SpecError
from headrace.images.exported import leave_out
from headrace.spec import FlowSpec
from headrace.spec.suggest import did_you_mean

Made = TypeVar('Made', bound=Struct)


def to_prometheus(spec: FlowSpec, folder: str | Path, settings: Mapping[str, Any]) -> list[Path]:
    """Write configuration, recording rules and alerts; settings are those of `Objectives` and `Scraping`.

    Flow.to_prometheus('monitoring', availability=99.5, latency_s=0.25, targets=('10.0.0.7:8080',))
    """
    objectives, scraping = records(settings, deploy.Objectives, deploy.Scraping)
    written = deploy.write(deploy.prometheus_files(spec, objectives, scraping), folder)
    return kept_out_of_images(spec, folder, written)


def to_grafana(spec: FlowSpec, folder: str | Path, settings: Mapping[str, Any]) -> list[Path]:
    """Write dashboards and provisioning; settings are those of `Objectives` and `Showing`.

    Flow.to_grafana('monitoring', availability=99.5, latency_s=0.25, url='http://prometheus:9090')
    """
    objectives, showing = records(settings, deploy.Objectives, deploy.Showing)
    return kept_out_of_images(
        spec, folder, deploy.write(deploy.grafana_files(spec, objectives, showing), folder)
    )


def kept_out_of_images(spec: FlowSpec, folder: str | Path, written: list[Path]) -> list[Path]:
    """The files of an export; a .dockerignore of ours in the Flow's folder leaves them out from now on."""
    names = [path.relative_to(folder).as_posix() for path in written]
    leave_out(Path(spec.base or '.'), Path(folder), names)
    return written


def records(settings: Mapping[str, Any], *kinds: type[Struct]) -> list[Any]:
    """Settings divided among the records that have them; SpecError for one that none has."""
    known = [name for kind in kinds for name in kind.__struct_fields__]
    for name in settings:
        if name not in known:
            raise SpecError(
                f'there is no setting {name!r} of this export',
                help=did_you_mean(name, known, noun='settings'),
            )
    return [
        kind(**{name: value for name, value in settings.items() if name in kind.__struct_fields__})
        for kind in kinds
    ]
