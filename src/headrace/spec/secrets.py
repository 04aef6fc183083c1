"""A Flow that will run on this machine in; out, nothing, or which variable of a secret is not set here."""

from __future__ import annotations

from collections.abc import Mapping

from headrace.errors import SpecError
from headrace.spec import environment
from headrace.spec.records import FlowSpec
from headrace.spec.versions import each_version


def check_secrets(spec: FlowSpec, variables: Mapping[str, str] | None = None) -> None:
    """Raise SpecError for the first variable of `env_from_secret` that this machine has not.

    A cluster takes their values from its secrets; here they are variables of the same name.

    >>> from headrace.spec.container import SecretRef
    >>> from headrace.spec.records import ExecutorSpec
    >>> executor = ExecutorSpec(name='a', env_from_secret={'TOKEN': SecretRef(name='shop', key='token')})
    >>> check_secrets(FlowSpec(executors=(executor,)), {'TOKEN': 'x'})
    >>> try:
    ...     check_secrets(FlowSpec(executors=(executor,)), {})
    ... except SpecError as error:
    ...     print(error.message)
    executor 'a': env_from_secret.TOKEN: the environment variable TOKEN is not set
    """
    known = {**(environment.variables() if variables is None else variables), **spec.env}
    wanted = [('gateway', known, spec.gateway.env_from_secret)]
    for executor in each_version(spec.executors):
        if not (executor.join or executor.external):
            wanted.append(
                (f'executor {executor.name!r}', {**known, **executor.env}, executor.env_from_secret)
            )
    for who, there, secrets in wanted:
        for name, secret in secrets.items():
            if name not in there:
                raise SpecError(
                    f'{who}: env_from_secret.{name}: the environment variable {name} is not set',
                    help=f'set {name} to {secret.key} of the secret {secret.name}: export {name}=...',
                )
