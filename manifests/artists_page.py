# ruff: noqa: INP001 - a module beside a script, not in a package
"""Renders the artists' page as a template of the portal, so that people read it where they work."""

from __future__ import annotations

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
    # A wide table scrolls by itself, so that the page does not. With a tab stop, the keyboard scrolls it too.
    content = content.replace("<table>", '<div class="table" tabindex="0"><table>').replace(
        "</table>", "</table></div>"
    )
    return _TEMPLATE.format(title=first.removeprefix("# "), content=content)
