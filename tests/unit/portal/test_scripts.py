"""The scripts of the pages share one scope, in which each name has one meaning."""

from __future__ import annotations

import re
from collections import Counter

from blendersessions_portal.rendering import STATIC, TEMPLATES

_DECLARED = re.compile(r"^(?:const|let|class|function|async function)\s+([A-Za-z_$][\w$]*)", re.MULTILINE)
_SCRIPT = re.compile(r'<script src="/static/([a-z]+\.js)')


def test_no_two_scripts_of_a_page_declare_the_same_name() -> None:
    """A browser drops the whole of the second script."""
    scripts = _SCRIPT.findall((TEMPLATES / "base.html").read_text())
    assert "live.js" in scripts
    declared = Counter(name for script in scripts for name in set(_DECLARED.findall((STATIC / script).read_text())))
    assert [name for name, count in declared.items() if count > 1] == []


def test_what_keeps_parts_current_is_there_before_it_is_used() -> None:
    scripts = _SCRIPT.findall((TEMPLATES / "base.html").read_text())
    assert scripts.index("live.js") < scripts.index("portal.js")
