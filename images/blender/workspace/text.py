"""Which characters may stand in a name, or in a sentence: those of every script, and none that deceives."""

import unicodedata
from typing import Final

_CONTROLS: Final = ("Cc", "Cs", "Zl", "Zp")
"""Unicode's categories of control characters, halves of pairs, and line and paragraph separators."""
_TURNED: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""What turns the direction of the text, so that a name looks like another one."""


def is_text(character: str) -> bool:
    """Return whether a character is no control character and does not turn the direction of the text."""
    return unicodedata.category(character) not in _CONTROLS and character not in _TURNED
