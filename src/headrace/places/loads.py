"""What gateways report in; out, what each executor has to do at all of them together."""

from __future__ import annotations

from collections.abc import Mapping

from headrace.gateway.orders import Load


class Loads:
    """The last report of every gateway."""

    def __init__(self) -> None:
        self._reports: dict[object, Mapping[str, Load]] = {}

    def put(self, gateway: object, load: Mapping[str, Load]) -> None:
        """A gateway has reported; nothing, if it is gone."""
        self._reports.pop(gateway, None)
        if load:
            self._reports[gateway] = load

    def calls(self, executor: str) -> int:
        """The calls that its replicas have (of its busiest shard), and those that wait for one."""
        return sum(report[executor].total for report in self._reports.values() if executor in report)
