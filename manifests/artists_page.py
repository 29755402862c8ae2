# ruff: noqa: INP001 - a module beside a script, not in a package
"""Renders the artists' page as a template of the portal, so that people read it where they work."""

from __future__ import annotations

import re
from pathlib import Path

from markdown_it import MarkdownIt

SOURCE = Path(__file__).parents[1] / "docs" / "artists.md"
_TEMPLATE = """\
{{# Made by `make generate` from docs/artists.md: change that. #}}
{{% extends "base.html" %}}
{{% block title %}}{title} · Blender sessions{{% endblock %}}
{{% block main %}}
<article class="prose">
{{% raw %}}
{content}{{% endraw %}}
</article>
{{% endblock %}}
"""
_HEADING_OR_TABLE = re.compile(r"<h[1-6]>(?P<heading>.*?)</h[1-6]>|<table>")


class _Tables:
    """Has each wide table scroll by itself, so that the page does not.

    With a tab stop, the keyboard scrolls it too. The heading above it is its name in screen readers.
    """

    def __init__(self) -> None:
        self._heading = ""

    def __call__(self, found: re.Match[str]) -> str:
        """Return what takes the place of a heading or of the beginning of a table."""
        if heading := found["heading"]:
            self._heading = re.sub(r"<[^>]*>", "", heading).replace('"', "&quot;")
            return found[0]
        return f'<div class="table" tabindex="0" role="region" aria-label="{self._heading}"><table>'


def page() -> str:
    """Return the template.

    Raises:
        ValueError: the page does not begin with its title.
    """
    text = SOURCE.read_text()
    first = text.partition("\n")[0]
    if not first.startswith("# "):
        raise ValueError(f"{SOURCE.name} must begin with its title: write '# TITLE' into its first line.")
    content = MarkdownIt("commonmark").enable("table").render(text)
    content = _HEADING_OR_TABLE.sub(_Tables(), content).replace("</table>", "</table></div>")
    return _TEMPLATE.format(title=first.removeprefix("# "), content=content)
