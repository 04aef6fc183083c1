"""An image in; out, what is in it as a CycloneDX document: Python packages with licences, Debian packages."""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime
from typing import Any

import msgspec

from headrace import extras
from headrace.containers.engine import Engine
from headrace.containers.owners import remove
from headrace.errors import StartError
from headrace.programs import run

_SCRIPT = """
import json, platform
from importlib.metadata import distributions
from pathlib import Path
found = []
for each in distributions():
    told = each.metadata.get('License-Expression') or each.metadata.get('License') or ''
    found.append(['pypi', each.name, each.version, told, ''])
status = Path('/var/lib/dpkg/status')
if status.exists():
    system = platform.freedesktop_os_release()
    release = f"{system['ID']}-{system.get('VERSION_ID', '')}"
    for part in status.read_text().split('\\n\\n'):
        fields = dict(line.split(': ', 1) for line in part.splitlines() if line[:1] != ' ' and ': ' in line)
        if 'Version' in fields:
            told = fields.get('Architecture', '')
            found.append(['deb', fields['Package'], fields['Version'], told, release])
print(json.dumps(found))
"""
TOLD_WITHIN_S = 120.0
"""How long an image may take to say what is in it."""

_WORDS = 60
"""Characters of a licence's name; whoever has more has put the licence itself there."""


_MODULES = ('cyclonedx.output', 'cyclonedx.factory.license', 'packageurl')


def load_all() -> None:
    """Load what `contents` takes, so that who lacks it learns it before there is an image; MissingExtra."""
    for name in _MODULES:
        extras.load(name, extra='sbom')


def contents(engine: Engine, image: str, *, created: int) -> str:
    """What is in an image, as CycloneDX 1.6 in JSON; `created` is the time that it tells.

    The image is run for it, without a network. Raises MissingExtra without headrace[sbom], StartError if the
    image has no Python.
    """
    bom: Any = extras.load('cyclonedx.model.bom', extra='sbom')
    component: Any = extras.load('cyclonedx.model.component', extra='sbom')
    schema: Any = extras.load('cyclonedx.schema', extra='sbom')
    output: Any = extras.load('cyclonedx.output', extra='sbom')
    of = component.Component(name=image, type=component.ComponentType.CONTAINER, bom_ref='image')
    told = bom.Bom(
        metadata=bom.BomMetaData(component=of, timestamp=datetime.fromtimestamp(created, UTC)),
        components=[_component(*each) for each in _found(engine, image)],
    )
    told.register_dependency(of, told.components)
    made = output.make_outputter(told, schema.OutputFormat.JSON, schema.SchemaVersion.V1_6)
    document = json.loads(made.output_as_string())
    document.pop('serialNumber', None)  # another one for the same contents would say nothing
    return json.dumps(document, indent=2) + '\n'


def _component(kind: str, name: str, version: str, license: str, of: str) -> Any:
    component: Any = extras.load('cyclonedx.model.component', extra='sbom')
    packageurl: Any = extras.load('packageurl', extra='sbom')
    licenses: Any = extras.load('cyclonedx.factory.license', extra='sbom')
    namespace, _, qualifier = of.partition('-')
    known = {'arch': license, 'distro': of} if kind == 'deb' else {}
    url = packageurl.PackageURL(kind, namespace if qualifier else None, name, version, known)
    short = '' if kind == 'deb' else license.strip().partition('\n')[0]
    named = [licenses.LicenseFactory().make_from_string(short)] if 0 < len(short) <= _WORDS else []
    return component.Component(name=name, version=version, purl=url, bom_ref=str(url), licenses=named)


def _found(engine: Engine, image: str) -> list[tuple[str, str, str, str, str]]:
    """The packages of an image: kind, name, version, licence (or architecture), release of the system."""
    name = f'headrace-contents-{secrets.token_hex(4)}'
    command = engine.command('run', '--rm', '--name', name, '--network', 'none', '--entrypoint', 'python')
    try:
        told = run(
            [*command, image, '-c', _SCRIPT], f'what is in {image} cannot be known', timeout_s=TOLD_WITHIN_S
        )
        return sorted(msgspec.json.decode(told, type=list[tuple[str, str, str, str, str]]))
    except msgspec.MsgspecError as error:
        raise StartError(f'what is in {image} cannot be known: it says something else ({error})') from None
    finally:
        remove(engine, name)
