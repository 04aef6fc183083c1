"""A catalogue is turned into a running search: the Flow of `flow.yml`, with all garments in its index."""

from __future__ import annotations

import hashlib
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

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
    """What an index lacked, what it had too much, and which pictures could not be read."""

    added: int
    removed: int
    unreadable: list[str]


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
    wanted = [replace(garment, fingerprint=f'{network}-{garment.fingerprint}') for garment in garments]
    stored = flow.post('/stored', return_type=DocList[Garment])
    there = dict(zip(stored.id, stored.fingerprint, strict=True))
    new = DocList[Garment](garment for garment in wanted if there.get(garment.id) != garment.fingerprint)
    gone = DocList[Garment](Garment(id=name) for name in there.keys() - {garment.id for garment in wanted})
    if len(gone):
        flow.post('/delete', gone, return_type=DocList[Garment])
    kept = set(_index(flow, new, show_progress).id) if len(new) else set()
    return Changes(len(kept), len(gone), [garment.uri for garment in new if garment.id not in kept])


def _index(flow: Flow, garments: DocList[Garment], show_progress: bool) -> DocList[Garment]:
    """Give garments to the index, and give back those that it has taken."""
    kept: DocList[Garment] = flow.post(
        '/index',
        garments,
        request_size=REQUEST_SIZE,
        prefetch=4,
        show_progress=show_progress,
        return_type=DocList[Garment],
    )
    return kept


def network_version(model: Path = MODEL) -> str:
    """Turn the network's file into a short name of its contents."""
    return hashlib.sha256(model.read_bytes()).hexdigest()[:10]
