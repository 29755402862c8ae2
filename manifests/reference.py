# ruff: noqa: INP001 - a module beside a script, not in a package
"""Writes the API reference, `docs/api.md`, from the schema of the CRDs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

Schema = Mapping[str, object]

_INTRODUCTION = """<!-- Made by `make generate` from crds/: change those. -->
# API reference

`kubectl explain bs.spec --recursive` prints the same from the cluster. The API server refuses what breaks a rule, and
answers with the message given here.
"""


def page(crds: list[dict[str, object]]) -> str:
    """Return the reference of all versions of the given CRDs, as Markdown."""
    return "\n".join([_INTRODUCTION, *(line for crd in crds for line in _kind(crd))])


def _kind(crd: Schema) -> Iterator[str]:
    spec = _mapping(crd, "spec")
    names = _mapping(spec, "names")
    for version in _list(spec, "versions"):
        yield f"## {names['kind']} ({spec['group']}/{version['name']})\n"
        short = ", ".join(f"`{name}`" for name in _list(names, "shortNames"))
        yield f"{spec['scope']}; `kubectl get {names['plural']}`, short {short}.\n"
        root = _mapping(_mapping(version, "schema"), "openAPIV3Schema")
        yield f"{root['description']}\n"
        for part in ("spec", "status"):
            schema = _mapping(_mapping(root, "properties"), part)
            if not schema:
                continue
            yield f"### {part}\n\n{schema['description']}\n"
            yield "| field | type | default | meaning |\n| --- | --- | --- | --- |"
            yield from _rows("", schema)
            yield ""
        yield "### Rules\n\n| field | the API server's answer when it is broken |\n| --- | --- |"
        yield from (f"| {_code(path)} | {_cell(message)} |" for path, message in _rules("", root))
        yield "\n### Columns of `kubectl get`\n\n| column | meaning | |\n| --- | --- | --- |"
        for column in _list(version, "additionalPrinterColumns"):
            wide = "with `-o wide`" if column.get("priority") else ""
            yield f"| {column['name']} | {_cell(str(column.get('description', 'Age of the object.')))} | {wide} |"
        yield ""


def _rows(prefix: str, schema: Schema) -> Iterator[str]:
    for name, child in _mapping(schema, "properties").items():
        assert isinstance(child, dict)  # noqa: S101 - the API server has checked the schema's form
        path = f"{prefix}{name}"
        default = _code(json.dumps(child["default"])) if child.get("default") not in (None, {}) else ""
        yield f"| {_code(path)} | {_type(child)} | {default} | {_cell(str(child['description']))} |"
        yield from _rows(f"{path}.", child)
        if child.get("type") == "array":
            yield from _rows(f"{path}[].", _mapping(child, "items"))


def _type(schema: Schema) -> str:
    if "enum" in schema:
        return " \\| ".join(_code(str(value)) for value in _list(schema, "enum"))
    if isinstance(schema.get("additionalProperties"), dict):
        return "map of quantities" if _is_quantity(_mapping(schema, "additionalProperties")) else "map of strings"
    if _is_quantity(schema):
        return "quantity"
    if schema.get("type") == "integer" and "maximum" in schema:
        return f"integer, {schema['minimum']} to {schema['maximum']}"
    if schema.get("type") == "string":
        return f"string, {schema['format']}" if "format" in schema else "string"
    return str(schema["type"])


def _is_quantity(schema: Schema) -> bool:
    return bool(schema.get("x-kubernetes-int-or-string"))


def _rules(path: str, schema: Schema) -> Iterator[tuple[str, str]]:
    for rule in _list(schema, "x-kubernetes-validations"):
        yield (f"{path}{rule.get('fieldPath', '')}").lstrip("."), str(rule["message"])
    for name, child in _mapping(schema, "properties").items():
        assert isinstance(child, dict)  # noqa: S101 - the API server has checked the schema's form
        yield from _rules(f"{path}.{name}", child)


def _code(text: str) -> str:
    return f"`{text}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _mapping(holder: Schema, key: str) -> Mapping[str, object]:
    value = holder.get(key, {})
    return value if isinstance(value, dict) else {}


def _list(holder: Schema, key: str) -> list[dict[str, object]]:
    value = holder.get(key, [])
    return value if isinstance(value, list) else []
