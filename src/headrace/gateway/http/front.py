"""What all routes into one Flow share: its handlers, its limits, the document types of its endpoints."""

from __future__ import annotations

from functools import partial

from headrace.documents import DocList, Document, class_from
from headrace.gateway.entrance import Entrance
from headrace.gateway.http.cors import Cors
from headrace.gateway.http.expected import Expected, parameters_of
from headrace.gateway.strangers import Strangers
from headrace.pipeline.describe import DEFAULT_ENDPOINT
from headrace.pipeline.unknown import unknown_endpoint


class Front:
    """One way into the Flow for all routes; `permit` is None where everybody may do everything."""

    def __init__(self, entrance: Entrance) -> None:
        spec = entrance.spec
        self.in_flight = 0
        self.handler = entrance.handler
        self.stream = partial(entrance.stream, protocol='http')
        self.admission = entrance.admission
        self.limits = entrance.limits
        self.turns = entrance.turns
        self.refused = entrance.refused
        self.permit = None if entrance.is_open else entrance.permit
        self.origins = Cors(spec.cors)
        self.timeout_s = spec.timeout_s
        self.max_body_bytes = spec.max_body_bytes
        self.development = spec.development
        self.types: dict[str, Expected] = {}
        self.default: Expected | None = None
        self.strangers = Strangers(spec.unknown_fields)
        self.endpoints = {endpoint.name: endpoint for endpoint in entrance.info.endpoints}
        self._executors = entrance.info.executors

    def learn(self, endpoint: str) -> Expected:
        """What is known of an endpoint, kept in `types` from then on; Document where none is known.

        Names that clients choose, and that have no endpoint of their own, have those of `default`. Raises
        EndpointNotFound where nobody serves such names: what is wrong with the documents is not the point.
        """
        if endpoint not in self.endpoints:
            if self.default is None:
                known = DEFAULT_ENDPOINT in self.endpoints
                if self.endpoints and not known:
                    raise unknown_endpoint(endpoint, self.endpoints)
                anything = Expected(DocList[Document], strangers=self.strangers)
                self.default = self.learn(DEFAULT_ENDPOINT) if known else anything
            return self.default
        info = self.endpoints[endpoint]
        taken, given = class_from(info.input), class_from(info.output)
        expected = Expected(
            DocList[taken],  # type: ignore[valid-type]
            None if issubclass(given, Document) else given,
            info,
            parameters_of(endpoint, self._executors),
            self.strangers,
        )
        return self.types.setdefault(endpoint, expected)
