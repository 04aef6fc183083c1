"""A Flow in; out, rules that keep what dashboards and people ask for most, at little cost."""

from __future__ import annotations

from headrace.deploy.monitored import Monitored
from headrace.deploy.prometheus.rules import Group, Record
from headrace.deploy.promql import FAILED, Queries, quoted
from headrace.observe.metrics import catalogue as of

EXECUTOR = 'executor'


def records(flow: Monitored) -> Group:
    """Rates, failures, and latencies by endpoint and executor."""
    ask = Queries(((of.FLOW, '=', quoted(flow.flow)),), '5m', by=(of.FLOW,))
    kept = {
        'flow_endpoint:headrace_requests:rate5m': ask.rate(of.REQUESTS, 'endpoint'),
        'flow_endpoint:headrace_failures:ratio_rate5m': ask.ratio(
            ask.where(FAILED).rate(of.REQUESTS, 'endpoint'), ask.rate(of.REQUESTS, 'endpoint')
        ),
        'flow_endpoint:headrace_request_seconds:p50_5m': ask.quantile(0.5, of.REQUEST_SECONDS, 'endpoint'),
        'flow_endpoint:headrace_request_seconds:p99_5m': ask.quantile(0.99, of.REQUEST_SECONDS, 'endpoint'),
        'flow_executor:headrace_hop_seconds:p50_5m': ask.quantile(0.5, of.HOP_SECONDS, EXECUTOR),
        'flow_executor:headrace_hop_seconds:p99_5m': ask.quantile(0.99, of.HOP_SECONDS, EXECUTOR),
        'flow_executor:headrace_hops:rate5m': ask.counted(of.HOP_SECONDS, EXECUTOR),
    }
    if flow.here:
        kept |= {
            'flow_executor:headrace_handler_seconds:mean5m': ask.mean(of.HANDLER_SECONDS, EXECUTOR),
            'flow_executor:headrace_executor_queue_seconds:mean5m': ask.mean(
                of.EXECUTOR_QUEUE_SECONDS, EXECUTOR
            ),
            'flow_executor:headrace_executor_documents:rate5m': ask.rate(of.EXECUTOR_DOCUMENTS, EXECUTOR),
        }
    rules = tuple(Record(name=name, query=query) for name, query in kept.items())
    return Group(name=f'{flow.slug}-records', rules=rules)
