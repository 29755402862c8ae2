# ruff: noqa: INP001 - a module beside a script, not in a package
"""Writes the chart's README, a table of its values, from the comments in `values.yaml`."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

_INTRODUCTION = """<!-- Made by `make generate` from values.yaml: change that. -->
# Chart blender-sessions

Installs the operator, the portal, the proxy, Apache Guacamole with guacd, and Guacamole's PostgreSQL.

```
helm install blender helm/blender-sessions --namespace blender-sessions --create-namespace \\
  --set publicURL=https://blender.example.org/
```

No rendering of the chart holds a password, so Argo CD, Flux and `helm template` give the same objects each time. The
Job `RELEASE-setup-HASH` runs the operator's image once. It makes the Secrets with random passwords, unless they are
there, and it applies the classes of sessions. It may create Secrets and never reads one. The Secrets outlive the
release. To have a Secret made again, delete it and the Job, and upgrade. To bring your own, set every `existingSecret`.

Delete the sessions before you uninstall, while the operator still runs and cleans up after them:
`kubectl delete blendersessions --all --all-namespaces`. [Operations](../../docs/operations.md#uninstalling) has the
order.

Every part with pods (`operator`, `portal`, `proxy`, `guacd`, `guacamole`, `postgresql`) also takes `resources`,
`podAnnotations`, `nodeSelector`, `tolerations` and `affinity`, as in a pod.

| value | default | meaning |
| --- | --- | --- |
"""
_KEYS_OF_EVERY_POD = {"resources", "podAnnotations", "nodeSelector", "tolerations", "affinity"}
_LINE = re.compile(r"(?P<indent> *)(?:# ?(?P<comment>.*)|(?P<key>\w+):(?P<value>.*))?$")


def page(values: str) -> str:
    """Return the README, as Markdown, for the text of a `values.yaml`."""
    return _INTRODUCTION + "".join(f"| `{key}` | {default} | {text} |\n" for key, default, text in _rows(values))


def _rows(values: str) -> Iterator[tuple[str, str, str]]:
    """Yield the path, the default and the comment of each value.

    Raises:
        ValueError: a line is neither a comment nor `key: value`, so the table would be incomplete.
    """
    path: list[str] = []
    comment: list[str] = []
    for line in values.splitlines():
        match = _LINE.fullmatch(line)
        if match is None:
            raise ValueError(f"values.yaml: {line!r} is neither a comment nor 'key: value'")
        if match["comment"] is not None:
            comment.append(match["comment"])
            continue
        if match["key"] is None:
            comment = []
            continue
        path = [*path[: len(match["indent"]) // 2], match["key"]]
        default = yaml.safe_load(match["value"])
        leaf = bool(match["value"].strip())
        text = " ".join(comment).replace("|", "\\|")
        comment = []
        if path[-1] in _KEYS_OF_EVERY_POD or "resources" in path or not (leaf or text):
            continue
        yield ".".join(path), f"`{json.dumps(default)}`" if leaf else "", text
