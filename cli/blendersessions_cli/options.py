"""What the commands share: where the cluster is, how long to wait, what to print, and how a failure ends."""

from __future__ import annotations

import asyncio
import re
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Final, ParamSpec

import click
from kubernetes.utils.duration import parse_duration

from blendersessions.model.errors import DomainError
from blendersessions_cli import completion
from blendersessions_cli.connection import Target
from blendersessions_cli.printing import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

P = ParamSpec("P")

_TIMEOUT: Final = "10m"
_SECONDS: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
FAILED: Final = 1
"""The exit code of every failure, as kubectl has it."""


class Group(click.Group):
    """A command of commands. A mistake on the command line ends with the exit code that kubectl has for it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the options of the group."""
        with _as_kubectl_ends():
            return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        """Read the options of a command, and run it."""
        with _as_kubectl_ends():
            return super().invoke(ctx)


class _Misuse(click.UsageError):
    exit_code = FAILED


@contextmanager
def _as_kubectl_ends() -> Iterator[None]:
    try:
        yield
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        raise click.exceptions.Exit from error
    except click.UsageError as error:
        raise _Misuse(error.format_message(), error.ctx) from error


class Duration(click.ParamType[float]):
    """A time such as `5s`, `2m` or `1h30m`, or a plain number of seconds; in seconds."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read the time."""
        text = str(value)
        if _SECONDS.fullmatch(text):
            return float(text)
        try:
            return float(parse_duration(text).total_seconds())
        except ValueError:
            self.fail(f"{printable(text)!r} is no time: write it as 5s, 2m or 1h30m.", param, ctx)


class Failure(click.ClickException):
    """An expected failure. What others wrote in its message cannot command the terminal."""

    exit_code = FAILED

    def __init__(self, error: DomainError) -> None:
        super().__init__(printable(str(error), keep="\n"))


def targeted(command: Callable[P, Coroutine[None, None, None]]) -> Callable[P, None]:
    """Add the options of a `Target`, and print an expected failure as one sentence."""

    @click.option(
        "-n",
        "--namespace",
        shell_complete=completion.namespaces,
        help="Namespace of the session.  [default: the context's]",
    )
    @click.option("--context", help="Context of the kubeconfig.  [default: the current one]")
    @click.option("--kubeconfig", help="Path of the kubeconfig.  [default: KUBECONFIG, or ~/.kube/config]")
    @wraps(command)
    def run(*args: P.args, **options: P.kwargs) -> None:
        where = {name: options.pop(name) for name in ("namespace", "context", "kubeconfig")}
        options["target"] = Target(**where)  # type: ignore[arg-type]
        try:
            asyncio.run(command(*args, **options))
        except DomainError as error:
            raise Failure(error) from error

    return run


session_name = click.argument("name", shell_complete=completion.sessions)

wait_seconds = click.option(
    "--timeout",
    "seconds",
    type=Duration(),
    default=_TIMEOUT,
    show_default=True,
    metavar="DURATION",
    help="Longest wait, such as 30s or 5m.",
)


def output(*forms: str) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Add the option `-o` with some of kubectl's forms of output."""
    return click.option("-o", "--output", "form", type=click.Choice(forms), help="Form of the output.")
