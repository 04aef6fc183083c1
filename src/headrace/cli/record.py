"""`headrace record`: requests of a running Flow to a file, with what every executor got and gave."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import msgspec

from headrace.cli.here import flow_here, flow_option
from headrace.places.control import TIMEOUT_S, Record, order
from headrace.recording.writing import Written
from headrace.spec.observe import RecordSpec


@click.command('record')
@click.option(
    '-o',
    '--output',
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help='The file; if it is there, and a recording, it is added to.',
)
@flow_option
@click.option(
    '--seconds', type=click.FloatRange(0.1, 86400), default=30, show_default=True, help='How long to record.'
)
@click.option(
    '--sample', type=click.FloatRange(0, 1), default=1.0, show_default=True, help='Part of the requests.'
)
@click.option('--redact', multiple=True, metavar='NAME', help='A field, key or parameter to leave out.')
@click.option('--no-stages', is_flag=True, help='Not what goes into executors and comes out.')
@click.option('--no-blobs', is_flag=True, help='Not the bytes in documents.')
@click.option(
    '--most-mb', type=click.IntRange(1), default=256, show_default=True, help='How many megabytes are kept.'
)
@click.option(
    '--keep',
    type=click.Choice(['newest', 'oldest']),
    default='newest',
    show_default=True,
    help='When there would be more: the newest requests (full files get numbers, the oldest are deleted), '
    'or the oldest (recording ends).',
)
def command(*, output: Path, flow: str, seconds: float, **options: Any) -> None:
    """Write requests of a running Flow to a file.

    Beside documents, parameters and answers, the file has what went into every executor and came out, unless
    it is said otherwise. Read it as a secret: --redact leaves out what must not be in it.

    \b
    Examples:
        headrace record -o traffic.hrec --seconds 60 --sample 0.1
        headrace record -o traffic.hrec --redact password --redact tags.card.number
        headrace record -o traffic.hrec --seconds 86400 --most-mb 512      # the last 512 MB of a day
        headrace replay traffic.hrec http://127.0.0.1:8080
    """
    notice = flow_here(flow)
    spec = spec_of(output, **options)
    result = order(notice.directory, Record(spec, seconds), timeout_s=seconds + 3 * TIMEOUT_S)
    written = msgspec.convert(result, Written)
    left_out = f', {written.left_out} left out' if written.left_out else ''
    deleted = f', of which the oldest {written.deleted_bytes} are gone' if written.deleted_bytes else ''
    click.echo(
        f'{output}: {written.requests} requests of {notice.flow}{left_out}, {written.bytes} bytes{deleted}'
    )


def spec_of(
    output: Path, *, sample: float, most_mb: int, no_stages: bool, no_blobs: bool, **same: Any
) -> RecordSpec:
    """What is to be recorded, as the options say it; `same` have the names of their fields."""
    return RecordSpec(
        path=str(output.absolute()),
        sample=sample,
        most_bytes=most_mb * 1024 * 1024,
        stages=not no_stages,
        blobs=not no_blobs,
        **same,
    )
