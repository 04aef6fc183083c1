"""The members of a Flow in; out, what is to be said of those that ask for no processors or memory."""

from __future__ import annotations

from collections.abc import Sequence

from headrace.deploy.shipped import Shipped


def notes(all_shipped: Sequence[Shipped]) -> tuple[str, ...]:
    """A line for members that a full node ends first, and one for those whose memory has no limit."""
    nothing = [each for each in all_shipped if not (_cpus(each) or _memory(each))]
    unlimited = [each for each in all_shipped if _cpus(each) and not _memory(each)]
    found = []
    if nothing:
        found.append(
            f'{_names(nothing)}: neither cpus nor memory: '
            'as BestEffort Pods they are the first to end on a full node'
        )
    if unlimited:
        found.append(f'{_names(unlimited)}: no memory, so each Pod may take all that its node has')
    return tuple(found)


def _cpus(shipped: Shipped) -> bool:
    return shipped.member.spec.cpus is not None


def _memory(shipped: Shipped) -> bool:
    return bool(shipped.member.spec.memory)


def _names(all_shipped: Sequence[Shipped]) -> str:
    return ', '.join(each.member.name for each in all_shipped)
