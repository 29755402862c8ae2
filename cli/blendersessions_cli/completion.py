"""What the shell offers for a name: sessions, classes, samples and namespaces of the cluster."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Final

from click.shell_completion import CompletionItem, ShellComplete

from blendersessions.model.errors import DomainError
from blendersessions.model.fields import section, text
from blendersessions.model.manifest import CLASS_KIND, SESSION_KIND
from blendersessions_cli.connection import Target, connect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import click

    from blendersessions.model.manifest import Manifest

SAMPLES: Final = ("fire_extinguisher.blend", "shopping_cart.blend", "watering_can.blend")
"""The samples in our image. Another image may have others."""
_WAIT_SECONDS: Final = 3.0
"""Somebody waits at the prompt for this long."""
_KINDS_OF_FILES: Final = frozenset({"file", "dir"})
_NO_FILES, _FILES = 4, 0
"""What kubectl tells the shell: offer nothing else, or offer files too (Cobra's ShellCompDirective)."""


def sessions(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the sessions of the namespace."""
    return _offer(_of(ctx, SESSION_KIND, _name), incomplete, ctx.params.get("names"))


def classes(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the classes of the namespace."""
    return _offer(_of(ctx, CLASS_KIND, _name), incomplete)


def namespaces(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the namespaces of the cluster."""
    return _offer(_of(ctx, "Namespace", _name), incomplete)


def samples(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Offer the samples of our image, and those that sessions of the namespace open."""
    return _offer([*SAMPLES, *_of(ctx, SESSION_KIND, _sample)], incomplete)


def complete_for_kubectl(command: click.Command, words: Sequence[str]) -> None:
    """Print what can stand for the last of these words, as kubectl reads it (Cobra's `__complete`)."""
    *before, incomplete = words or [""]
    found = ShellComplete(command, {}, "kubectl blender", "").get_completions(list(before), incomplete)
    lines = [item.value for item in found if item.type == "plain"]
    files = any(item.type in _KINDS_OF_FILES for item in found)
    sys.stdout.write("".join(f"{line}\n" for line in [*lines, f":{_FILES if files else _NO_FILES}"]))


def _of(ctx: click.Context, kind: str, read: Callable[[Manifest], str]) -> list[str]:
    """Return one text of each object of a kind; none if the cluster does not say, or not in time."""
    where = {name: ctx.params.get(name) for name in ("namespace", "context", "kubeconfig")}
    try:
        return [read(item) for item in asyncio.run(_list(Target(**where), kind))]
    except (DomainError, OSError):
        # A TimeoutError is an OSError.
        return []


async def _list(target: Target, kind: str) -> list[Manifest]:
    async with asyncio.timeout(_WAIT_SECONDS), connect(target) as cluster:
        return await cluster.objects(kind)


def _offer(found: Iterable[str], incomplete: str, taken: Iterable[str] | None = None) -> list[CompletionItem]:
    offered = {each for each in found if each and each.startswith(incomplete)} - set(taken or ())
    return [CompletionItem(each) for each in sorted(offered)]


def _name(manifest: Manifest) -> str:
    return text(section(manifest.get("metadata")).get("name"))


def _sample(manifest: Manifest) -> str:
    return text(section(section(manifest.get("spec")).get("scene")).get("sample"))
