"""Whether a person has no middle mouse button. A browser stays on its machine, so the answer is remembered there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from blendersessions_portal.cookies import Cookie

if TYPE_CHECKING:
    from starlette.datastructures import FormData
    from starlette.requests import Request
    from starlette.responses import Response

    from blendersessions_portal.cookies import Site

FIELD = "no_middle_button"
"""The checkbox of the forms that start a session."""
COOKIE = "blender-no-middle-button"
_YES = "yes"
_COOKIE_SECONDS = 365 * 24 * 3600


class InputChoice:
    """Reads the choice, and keeps it in a cookie. It decides nothing but two preferences, so it is not signed."""

    def __init__(self, site: Site) -> None:
        self._cookie = Cookie(site, COOKIE, _COOKIE_SECONDS)

    def in_form(self, form: FormData) -> bool:
        """Return the choice of a form. Browsers leave an unchecked box out."""
        return form.get(FIELD) == _YES

    def remembered(self, request: Request) -> bool:
        """Return the last choice of this browser."""
        return self._cookie.read(request) == _YES

    def remember(self, response: Response, *, no_middle_button: bool) -> None:
        """Keep a choice for a year, or forget that there was one."""
        if no_middle_button:
            self._cookie.set(response, _YES)
        else:
            self._cookie.delete(response)
