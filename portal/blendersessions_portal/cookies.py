"""Cookies of the portal's own, under names that only this host can set where https is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

HOST_PREFIX: Final = "__Host-"
"""Browsers take such a cookie by https from this host alone, for all its paths, so no sibling host can plant one."""


@dataclass(frozen=True)
class Site:
    """The site whose cookies these are.

    Attributes:
        secure: whether browsers may send cookies by https only.
        whole_host: whether the host has no other applications beside this one.
    """

    secure: bool
    whole_host: bool = True


@dataclass(frozen=True)
class Cookie:
    """One cookie. Scripts cannot read it, and forms of other sites do not send it.

    Attributes:
        base: its name without https, or where the host has other applications.
        seconds: how long browsers keep it.
        path: the part of the site that gets it without https. With https a cookie of the host alone has no part.
    """

    site: Site
    base: str
    seconds: int
    path: str = "/"

    @property
    def name(self) -> str:
        """The name by which browsers send it."""
        return HOST_PREFIX + self.base if self._of_host else self.base

    def read(self, request: Request) -> str:
        """Return its value; empty without one."""
        return request.cookies.get(self.name, "")

    def set(self, response: Response, value: str) -> None:
        """Add it to the response."""
        response.set_cookie(
            self.name,
            value,
            max_age=self.seconds,
            path=self._path,
            httponly=True,
            samesite="lax",
            secure=self.site.secure,
        )

    def delete(self, response: Response) -> None:
        """Have the browser forget it."""
        response.delete_cookie(self.name, path=self._path, httponly=True, samesite="lax", secure=self.site.secure)

    @property
    def _of_host(self) -> bool:
        return self.site.secure and self.site.whole_host

    @property
    def _path(self) -> str:
        return "/" if self._of_host else self.path
