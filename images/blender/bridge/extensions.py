"""Installs the extensions of the session's class, and enables those that the person has not disabled."""

import importlib
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import addon_utils
import bpy

from class_files.choices import Choices, read_disabled, write_disabled
from class_files.extensions import MAX_BYTES, install
from class_files.mounts import NotThere, class_file
from scene.names import shown_name

VARIABLE: Final = "BLENDER_EXTENSIONS"
MODULE: Final = "session_class"
"""The name of the repository in Python: an extension's module is `bl_ext.session_class.ID`."""
_TMP_SHARE: Final = 4
"""The extensions may have this part of the folder for temporary files: one in so many."""


class ClassExtensions:
    """The extensions of the session's class in this Blender.

    Args:
        environment: says where they are, and where Blender keeps preferences and extensions.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._config = Path(environment.get("BLENDER_USER_CONFIG", ""))
        self._written = frozenset[str]()
        """The IDs of those that the home folder notes as disabled."""
        self._choices: Choices | None = None

    def enable(self) -> list[str]:
        """Install and enable them, and return what is wrong in sentences. No error of an extension ends the start."""
        try:
            source = class_file(VARIABLE, self._environment)
            return [] if source is None else self._enable_from(source)
        except NotThere as missing:
            return [str(missing)]
        except Exception as error:
            # An error that nobody thought of must not keep Blender from starting. The log has all of it.
            traceback.print_exc()
            reason = shown_name(" ".join(str(error).split()))
            return [f"The extensions of the session class could not be enabled ({type(error).__name__}: {reason})."]

    def note_choices(self) -> None:
        """Note which extensions the person has disabled since, so that later starts leave them so."""
        if self._choices is None:
            return
        disabled = self._choices.look([add_on.module for add_on in bpy.context.preferences.addons], _mark())
        if disabled != self._written and write_disabled(self._config, disabled):
            self._written = disabled

    def _enable_from(self, source: Path) -> list[str]:
        if bpy.app.factory_startup:
            return ["The extensions of the session class were left out too."]
        target = Path(self._environment["BLENDER_SESSION_EXTENSIONS"])
        installed = install(source, target, bpy.app.version, self._max_bytes())
        disabled = read_disabled(self._config)
        problems = list(installed.problems)
        if not _repository(target).enabled:
            # The person has switched all of them off.
            return problems
        modules = {f"bl_ext.{MODULE}.{name}": name for name in installed.add_ons}
        # Blender may have looked for them before they were there.
        importlib.invalidate_caches()
        addon_utils.extensions_refresh(ensure_wheels=True, addon_modules_pending=list(modules))
        followed = {}
        for module, name in modules.items():
            problem = _disable(module) if name in disabled else _enable(module)
            if problem:
                problems.append(f"The extension {name} was not enabled: {problem}.")
            else:
                followed[module] = name
        self._written = disabled
        self._choices = Choices(disabled, followed, _mark())
        return problems

    def _max_bytes(self) -> int:
        limit = self._environment.get("BLENDER_TMP_LIMIT_BYTES", "")
        return min(MAX_BYTES, int(limit) // _TMP_SHARE) if limit.isdecimal() else MAX_BYTES


def _repository(folder: Path) -> "bpy.types.UserExtensionRepo":
    """Return the repository of the class's extensions. Blender shows it as one that only the system changes.

    The person's preferences may have it from an earlier start.
    """
    if (found := _known_repository()) is None:
        repositories = bpy.context.preferences.extensions.repos
        return repositories.new(name="Session class", module=MODULE, custom_directory=str(folder), source="SYSTEM")
    if Path(found.directory) != folder:
        found.use_custom_directory, found.custom_directory = True, str(folder)
    return found


def _known_repository() -> "bpy.types.UserExtensionRepo | None":
    return next((each for each in bpy.context.preferences.extensions.repos if each.module == MODULE), None)


def _mark() -> int:
    """Return what tells the preferences from others: where they have the repository, which all extensions go with.

    Blender keeps the address while it has these preferences. It reads others into new ones before it lets go of them.
    """
    found = _known_repository()
    return found.as_pointer() if found is not None and found.enabled else 0


def _enable(module: str) -> str:
    """Enable an extension unless it is, and return why it cannot be; empty if it can.

    What the person has set in an extension that fails is kept, for it may come back mended.
    """
    if addon_utils.check(module)[1]:
        return ""
    add_ons = bpy.context.preferences.addons
    is_new = add_ons.get(module) is None
    errors: list[BaseException] = []
    try:
        done = addon_utils.enable(
            module, default_set=is_new, persistent=True, refresh_handled=True, handle_error=errors.append
        )
    except (Exception, SystemExit) as error:
        errors.append(error)
        done = None
    if done is not None:
        return ""
    for each in errors:
        traceback.print_exception(each, file=sys.stderr)
    # Blender takes back what it began only after an ordinary error.
    sys.modules.pop(module, None)
    if is_new and (entry := add_ons.get(module)) is not None:
        add_ons.remove(entry)
    reason = shown_name(" ".join(str(errors[0]).split())) if errors else ""
    return f"{type(errors[0]).__name__}: {reason}" if errors else "Blender gives no reason"


def _disable(module: str) -> str:
    """Disable an extension that the person has disabled, though the preferences were not saved then."""
    if any(addon_utils.check(module)):
        addon_utils.disable(module, default_set=True, refresh_handled=True)
    return ""
