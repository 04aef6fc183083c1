"""A Flow's spec in; out: its executors loaded but not constructed, and the types on every edge checked."""

from __future__ import annotations

from typing import NamedTuple

from headrace.executors.blueprint import Blueprint
from headrace.pipeline.assembly import described
from headrace.pipeline.describe import ExecutorInfo, FlowInfo
from headrace.pipeline.offer import check_types
from headrace.places.containers import is_image
from headrace.places.elsewhere import described_from_here
from headrace.places.insides import described_inside_from_here
from headrace.spec import ExecutorSpec, FlowSpec, order
from headrace.spec.parts import Part, part_of
from headrace.spec.paths import workspace_of
from headrace.spec.versions import each_version
from headrace.worker.loading import blueprint_of


class Loaded(NamedTuple):
    """One executor, and what comes before and after its shards if anything does: loaded, not constructed."""

    spec: ExecutorSpec
    own: Blueprint
    before: Blueprint | None
    after: Blueprint | None

    def describe(self) -> ExecutorInfo:
        """What it takes and gives as a whole; SpecError if its parts do not fit each other."""
        around = [part.describe() if part else None for part in (self.before, self.after)]
        return described(self.spec, self.own.describe(), *around)


def load(spec: FlowSpec) -> dict[str, Loaded]:
    """The class, arguments and endpoints of every executor, by name, in this process; images have none."""
    runs = (each for each in order(spec) if not (each.join or each.external))
    here = [each for each in each_version(runs) if not is_image(each)]
    return {each.name: _loaded(spec, each) for each in here}


def _loaded(flow: FlowSpec, executor: ExecutorSpec) -> Loaded:
    def blueprint(part: Part) -> Blueprint:
        spec = part_of(executor, part)
        return blueprint_of(spec, workspace=workspace_of(flow, executor), base=flow.base)

    return Loaded(
        executor,
        blueprint(''),
        blueprint('before') if executor.uses_before is not None else None,
        blueprint('after') if executor.uses_after is not None else None,
    )


def describe(spec: FlowSpec) -> FlowInfo:
    """Load every executor's class in this process, construct none, and say what the Flow offers.

    External executors are asked; of an image a container is started, which loads what is in it.
    """
    own = {name: loaded.describe() for name, loaded in load(spec).items()}
    return check_types(spec, {**own, **described_inside_from_here(spec), **described_from_here(spec)})
