"""Settings of a Flow stand at the top of its file or under `with:`, and mean the same."""

from __future__ import annotations

from headrace.spec import dump_flow, load_flow

SETTINGS = """
name: shop
port: [0, 0]
protocol: [http, grpc]
env: {A: 010}
observe:
  logs: {slow_s: 0.5}
  traces: {endpoint: 'http://collector:4317', headers: {api-key: '${{ ENV.KEY }}'}}
security: {failures_per_minute: 5}
limits: {requests_per_s: 5}
timeout_s: 3
"""


def test_settings_stand_at_the_top_or_under_with():
    variables = {'KEY': 'secret'}
    top = load_flow('executors: []' + SETTINGS, variables=variables)
    under = load_flow(
        'executors: []\nwith:\n' + SETTINGS.strip('\n').replace('\n', '\n  ').join(('  ', '')),
        variables=variables,
    )
    assert top == under
    assert top.observe.logs.slow_s == 0.5
    assert (top.name, top.gateway.protocols, top.gateway.timeout_s) == ('shop', ('http', 'grpc'), 3)
    assert top.gateway.security.failures_per_minute == 5
    assert top.env == {'A': '010'}
    text = dump_flow(top)
    assert text == dump_flow(under)
    assert '${{ ENV.KEY }}' in text
    assert 'secret' not in text
    assert load_flow(text, variables=variables) == top


def test_some_may_stand_at_the_top_and_others_under_with():
    flow = load_flow('observe: {logs: {slow_s: 1}}\nwith: {name: shop, port: 7}\ngateway: {timeout_s: 2}')
    assert (flow.name, flow.gateway.ports, flow.gateway.timeout_s) == ('shop', (7,), 2)
    assert flow.observe.logs.slow_s == 1
