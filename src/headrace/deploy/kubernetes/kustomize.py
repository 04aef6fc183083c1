"""Names of manifests in; out, the kustomizations: that of `base/`, and the one that is laid over it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from shlex import quote

from headrace.deploy.kubernetes.objects import Exported, Object
from headrace.deploy.shipped import Shipped
from headrace.spec.imagename import without_version

VERSION = 'kustomize.config.k8s.io/v1beta1'

OVERLAY = """\
# Yours: written once by `headrace export kubernetes`, and never again. What is made anew lies in base/.
#   kubectl apply -k .        kubectl diff -k .        kubectl kustomize .
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
  - base
# Another image, or its digest:
# images:
#   - name: {repository}
#     digest: sha256:...
# Changes of what is in base/, each in a file of its own; patches/README.md has examples.
# patches:
#   - path: patches/{gateway}.yaml
"""

README = """\
# Patches

What you change here survives every export; list each file in `../kustomization.yaml` under `patches`.
A patch names an object and says only what is different about it:

```yaml
# patches/{gateway}.yaml
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {gateway}
spec:
  replicas: 3
  template:
    spec:
      containers:
        - name: gateway
          env:
            - {{name: HEADRACE_LOG_LEVEL, value: DEBUG}}
```

`kubectl kustomize ..` shows what comes out, `headrace export kubernetes ... --diff` what the next export
would change in `base/`.
"""


def base(exported: Exported, resources: Sequence[str]) -> Object:
    """The kustomization of what is generated."""
    found: Object = {'apiVersion': VERSION, 'kind': 'Kustomization'}
    if exported.cluster.namespace:
        found['namespace'] = exported.cluster.namespace
    return {**found, 'resources': list(resources)}


def placed_by_base(found: Object) -> Object:
    """An object as `base/` has it: the kustomization says the namespace, so that patches need not name it.

    >>> placed_by_base({'kind': 'Service', 'metadata': {'name': 'shop', 'namespace': 'live'}})
    {'kind': 'Service', 'metadata': {'name': 'shop'}}
    """
    metadata = {key: value for key, value in found['metadata'].items() if key != 'namespace'}
    return {**found, 'metadata': metadata}


def overlay(exported: Exported, gateway: Shipped) -> dict[str, str]:
    """What is written once: a kustomization over the base, and what patches are."""
    repository = without_version(gateway.image)
    return {
        'kustomization.yaml': OVERLAY.format(repository=repository, gateway=gateway.name),
        'patches/README.md': README.format(gateway=gateway.name),
    }


def secrets_wanted(exported: Exported, all_shipped: Iterable[Shipped]) -> list[str]:
    """The commands that make the Secrets which a Flow refers to and nobody has written down."""
    literals: set[str] = set()
    files: dict[str, dict[str, str]] = {}
    others: dict[str, set[str]] = {}
    for shipped in all_shipped:
        literals |= {*shipped.taken}
        for file in shipped.files:
            files.setdefault(exported.named(file.group), {})[file.name] = file.source
        for reference in shipped.member_secrets:
            others.setdefault(reference.name, set()).add(reference.key)
    kubectl = 'kubectl' + (f' -n {exported.cluster.namespace}' if exported.cluster.namespace else '')
    kubectl += ' create secret generic'
    found = []
    if literals:
        given = ' '.join(f'--from-literal={name}="${name}"' for name in sorted(literals))
        found.append(f'{kubectl} {exported.env_secret()} {given}')
    for secret, names in files.items():
        given = ' '.join(f'--from-file={name}={quote(source)}' for name, source in names.items())
        found.append(f'{kubectl} {secret} {given}')
    for secret, keys in others.items():
        found.append(f'{kubectl} {secret} ' + ' '.join(f'--from-literal={key}=...' for key in sorted(keys)))
    return found
