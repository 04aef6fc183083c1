"""The gateway's ports in; out, how callers outside of the cluster come there: an Ingress, or routes."""

from __future__ import annotations

from headrace.deploy.kubernetes.network import is_open
from headrace.deploy.kubernetes.objects import Exported, Object
from headrace.deploy.shipped import Door, Shipped
from headrace.errors import SpecError
from headrace.spec.records import GATEWAY

ROUTES = 'gateway.networking.k8s.io/v1'


def entrances(exported: Exported, gateway: Shipped) -> list[Object]:
    """What leads to the gateway from outside; nothing, unless a host name is given.

    Raises SpecError if everybody could call the Flow then and nobody said that they may, or if the gateway
    has no port for such callers.
    """
    cluster = exported.cluster
    if not is_open(exported) and (cluster.host or cluster.grpc_host or cluster.service_type != 'ClusterIP'):
        raise SpecError(
            f'{exported.spec.name}: from outside of the cluster everybody could call the Flow',
            help='let callers show who they are (gateway.security), or say that you want it '
            '(gateway: {insecure: true})',
        )
    found = []
    if cluster.host:
        door = _door(gateway, 'http', cluster.host)
        make = _http_route if cluster.gateway_api else _ingress
        found.append(make(exported, gateway, door))
    if cluster.grpc_host:
        found.append(_grpc_route(exported, gateway, _door(gateway, 'grpc', cluster.grpc_host)))
    return found


def _door(gateway: Shipped, name: str, host: str) -> Door:
    for door in gateway.doors:
        if door.name == name:
            return door
    raise SpecError(
        f'the gateway has no {name} port, which {host} would lead to',
        help=f'gateway: {{protocol: [..., {name}]}}, or leave the host out',
    )


def _ingress(exported: Exported, gateway: Shipped, door: Door) -> Object:
    cluster = exported.cluster
    backend = {'service': {'name': gateway.name, 'port': {'name': door.name}}}
    path = {'path': exported.spec.gateway.prefix or '/', 'pathType': 'Prefix', 'backend': backend}
    spec: Object = {'ingressClassName': cluster.ingress_class} if cluster.ingress_class else {}
    if cluster.tls_secret:
        spec['tls'] = [{'hosts': [cluster.host], 'secretName': cluster.tls_secret}]
    spec['rules'] = [{'host': cluster.host, 'http': {'paths': [path]}}]
    return {**exported.head('networking.k8s.io/v1/Ingress', gateway.name, GATEWAY), 'spec': spec}


def _http_route(exported: Exported, gateway: Shipped, door: Door) -> Object:
    prefix = exported.spec.gateway.prefix or '/'
    rule = {
        'matches': [{'path': {'type': 'PathPrefix', 'value': prefix}}],
        'backendRefs': [{'name': gateway.name, 'port': door.outside}],
    }
    return _route('HTTPRoute', exported, gateway.name, exported.cluster.host, rule)


def _grpc_route(exported: Exported, gateway: Shipped, door: Door) -> Object:
    rule = {'backendRefs': [{'name': gateway.name, 'port': door.outside}]}
    return _route('GRPCRoute', exported, f'{gateway.name}-grpc', exported.cluster.grpc_host, rule)


def _route(kind: str, exported: Exported, name: str, host: str, rule: Object) -> Object:
    namespace, _, parent = exported.cluster.gateway_api.rpartition('/')
    reference = {'name': parent, **({'namespace': namespace} if namespace else {})}
    return {
        **exported.head(f'{ROUTES}/{kind}', name, GATEWAY),
        'spec': {'parentRefs': [reference], 'hostnames': [host], 'rules': [rule]},
    }
