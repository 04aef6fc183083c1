"""A Flow's spec in; out: its executors loaded but not constructed, and the types on every edge checked."""

from __future__ import annotations

from collections.abc import Mapping

from headrace.executors.blueprint import Blueprint
from headrace.pipeline import Node
from headrace.pipeline.describe import ExecutorInfo, FlowInfo
from headrace.pipeline.offer import offer
from headrace.places.workspace import workspace_of
from headrace.spec import FlowSpec, order
from headrace.worker.loading import blueprint_of


def load(spec: FlowSpec) -> dict[str, Blueprint]:
    """The class, arguments and endpoints of every executor, by name, in this process."""
    return {
        executor.name: blueprint_of(executor, workspace=workspace_of(spec, executor), base=spec.base)
        for executor in order(spec)
        if not executor.join
    }


def check_types(spec: FlowSpec, infos: Mapping[str, ExecutorInfo]) -> FlowInfo:
    """What the Flow offers, given what its executors do; SpecError if they do not fit each other."""
    nodes = [Node.of(each, None, infos.get(each.name)) for each in order(spec)]
    return offer(spec.name, nodes, title=spec.gateway.title, description=spec.gateway.description)


def describe(spec: FlowSpec) -> FlowInfo:
    """Load every executor's class in this process, construct none, and say what the Flow offers."""
    return check_types(spec, {name: blueprint.describe() for name, blueprint in load(spec).items()})
