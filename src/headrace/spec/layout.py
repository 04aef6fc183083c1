"""How all YAML that we write is laid out, as people lay it out."""

from __future__ import annotations

from typing import Any

import yaml


class Layout(yaml.SafeDumper):
    """No anchors, and lists stand to the right of their key; subclasses say how texts are quoted."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)
