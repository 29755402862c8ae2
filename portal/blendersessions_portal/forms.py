"""What a form of ours sends: read once, and checked before anything is done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from blendersessions_portal import csrf

if TYPE_CHECKING:
    from starlette.datastructures import FormData
    from starlette.requests import Request

    from blendersessions_portal.csrf import CsrfGuard
    from blendersessions_portal.identity import Identifier, Visitor

_MAX_FIELDS: Final = 10


async def checked_form(request: Request, identifier: Identifier, guard: CsrfGuard) -> tuple[Visitor, FormData]:
    """Return the visitor and the form, which a page of ours gave to that visitor."""
    visitor = identifier.identify(request)
    form = await request.form(max_files=0, max_fields=_MAX_FIELDS)
    guard.check(request, visitor, text(form, csrf.FIELD))
    return visitor, form


def text(form: FormData, field: str) -> str:
    """Return a field of a form; empty if it is not there, or is a file."""
    value = form.get(field, "")
    return value if isinstance(value, str) else ""
