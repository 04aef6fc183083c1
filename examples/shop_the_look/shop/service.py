"""A catalogue is turned into a running search: the Flow of `flow.yml`, with all garments in its index."""

from __future__ import annotations

import hashlib
from pathlib import Path

from msgspec import Struct

from headrace import DocList, Flow
from shop.documents import Garment
from shop.features import MODEL

FLOW = Path(__file__).parents[1] / 'flow.yml'
PAGE = FLOW.parent / 'page'
REQUEST_SIZE = 32


class Places(Struct, frozen=True, kw_only=True):
    """The folders of one catalogue: its pictures, the example photos for the page, the index."""

    catalogue: Path
    examples: Path
    workspace: Path


class Changes(Struct, frozen=True):
    """What an index lacked, and what it had too much."""

    added: int
    removed: int


def service(places: Places, port: int = 0) -> Flow:
    """Turn folders into the Flow that serves them; 0 takes a free port."""
    places.workspace.mkdir(parents=True, exist_ok=True)
    places.examples.mkdir(parents=True, exist_ok=True)
    folders = {name: str(getattr(places, name).resolve()) for name in ('catalogue', 'examples', 'workspace')}
    return Flow.load_config(FLOW, context={**folders, 'page': str(PAGE), 'port': port})


def synchronise(flow: Flow, garments: DocList[Garment], *, show_progress: bool = True) -> Changes:
    """Let the index have exactly these garments: only what is new or has changed is looked at.

    A garment counts as changed when its picture, its particulars or the network are other than when it was
    indexed. An interrupted run loses nothing: the next one goes on where this one stopped.
    """
    network = network_version()
    for garment in garments:
        garment.fingerprint = f'{network}-{garment.fingerprint}'
    stored = flow.post('/stored', return_type=DocList[Garment])
    there = {garment.id: garment.fingerprint for garment in stored}
    wanted = {garment.id for garment in garments}
    new = DocList[Garment](garment for garment in garments if there.get(garment.id) != garment.fingerprint)
    gone = DocList[Garment](Garment(id=name) for name in there if name not in wanted)
    if len(gone):
        flow.post('/delete', gone, return_type=DocList[Garment])
    if len(new):
        flow.post(
            '/index',
            new,
            request_size=REQUEST_SIZE,
            prefetch=4,
            show_progress=show_progress,
            return_type=DocList[Garment],
        )
    return Changes(len(new), len(gone))


def network_version(model: Path = MODEL) -> str:
    """Turn the network's file into a short name of its contents."""
    return hashlib.sha256(model.read_bytes()).hexdigest()[:10]
