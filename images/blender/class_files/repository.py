"""Lists the extensions of a static repository: its .zip files, and `index.json` if Blender's server-generate wrote one.

The format is that of https://developer.blender.org/docs/features/extensions/api_listing/, version v1.
"""

import hashlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from scene.names import sentence_list, shown_name
from scene.sizes import megabytes
from workspace.files import read_regular_file

INDEX: Final = "index.json"
MAX_FILES: Final = 100
"""Files that are looked at. The rest of a larger repository is left out, and that is said."""
MAX_FILE_BYTES: Final = 256 * 1024 * 1024
_MAX_INDEX_BYTES: Final = 4 * 1024 * 1024
_CHUNK_BYTES: Final = 1024 * 1024
_HASH: Final = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Listed:
    """A .zip of the repository."""

    file: Path
    hash: str = ""
    """What the index says of its content, `sha256:` and digits; empty if it says nothing."""


def list_repository(folder: Path) -> tuple[list[Listed], list[str]]:
    """Return the files of a repository, and what is wrong with it in sentences.

    With an index they are those that it lists, else all .zip files of the folder. An index that cannot be read lists
    nothing: without it, what it blocks would run too, and what is on its way to the volume.
    """
    problems: list[str] = []
    try:
        names = sorted(path.name for path in folder.iterdir() if path.suffix.lower() == ".zip")
    except OSError as error:
        return [], [f"The extensions of the session class cannot be read ({error.strerror}). Tell an administrator."]
    listed = dict.fromkeys(names, "")
    if os.path.lexists(folder / INDEX):
        try:
            listed, invalid = _read_index(folder)
        except (OSError, ValueError, RecursionError):
            what = f"{INDEX} of the extensions cannot be read, so none of them is installed."
            return [], [f"{what} An administrator can generate it again."]
        problems += _compare(names, list(listed), invalid)
    if not listed and not problems:
        problems.append("The session class names extensions, and there are none.")
    if len(listed) > MAX_FILES:
        problems.append(f"Only the first {MAX_FILES} of {len(listed)} extensions are installed.")
    found = [Listed(folder / name, hash_) for name, hash_ in listed.items() if name in names]
    return found[:MAX_FILES], problems


def _compare(names: list[str], listed: list[str], invalid: list[str]) -> list[str]:
    problems = []
    if invalid:
        what = f"{INDEX} of the extensions has entries without a valid archive_url and archive_hash: {_list(invalid)}."
        problems.append(f"{what} They are not installed.")
    if missing := [name for name in listed if name not in names]:
        problems.append(f"{INDEX} of the extensions lists what is not there: {_list(missing)}.")
    if unlisted := [name for name in names if name not in listed and name not in invalid]:
        problems.append(f"{INDEX} of the extensions does not list {_list(unlisted)}, so that is not installed.")
    return problems


def _list(names: list[str]) -> str:
    return sentence_list([shown_name(name) for name in names])


def _read_index(folder: Path) -> tuple[dict[str, str], list[str]]:
    """Return the hash of each file that the index lists and does not block, and the names of entries without one.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no index.
    """
    raw = read_regular_file(folder / INDEX, _MAX_INDEX_BYTES + 1)
    content = json.loads(raw)
    if len(raw) > _MAX_INDEX_BYTES or not isinstance(content, dict) or not isinstance(content.get("data"), list):
        raise ValueError
    blocked = content.get("blocklist", [])
    if not isinstance(blocked, list):
        raise ValueError  # noqa: TRY004 - what is read, not what is passed
    out = {str(each.get("id") if isinstance(each, dict) else each) for each in blocked}
    found, invalid = {}, []
    for number, each in enumerate(content["data"], 1):
        entry = each if isinstance(each, dict) else {}
        url, hash_ = entry.get("archive_url"), entry.get("archive_hash", "")
        # Only a file beside the index can be had without internet.
        name = unquote(url.removeprefix("./")) if isinstance(url, str) else ""
        if not name or not isinstance(hash_, str) or (hash_ and not _HASH.fullmatch(hash_)):
            invalid.append(name or str(entry.get("id", f"number {number}")))
        elif str(entry.get("id")) not in out:
            found[name] = hash_
    return found, [name for name in invalid if name not in found]


def file_problem(listed: Listed) -> str:
    """Return why a file is not even opened, as the end of the sentence `NAME ...`; empty if it is.

    Raises:
        OSError: it cannot be read.
    """
    size = listed.file.stat().st_size
    if size > MAX_FILE_BYTES:
        return f"has {megabytes(size)}, and an extension may have {megabytes(MAX_FILE_BYTES)}"
    if not listed.hash:
        return ""
    digest = hashlib.sha256()
    with listed.file.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    changed = f"sha256:{digest.hexdigest()}" != listed.hash
    return f"is not the file that {INDEX} lists: it was changed or cut off. Generate {INDEX} again" if changed else ""
