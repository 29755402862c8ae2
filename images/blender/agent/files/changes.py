"""Checks where an upload goes, and deletes."""

import os
import stat
from pathlib import Path

from agent.files.folders import opened_folder, refusal, spelling
from agent.files.names import Parts
from agent.files.receiving import check_target
from agent.messages import Refused


def check_upload_target(home: Path, parts: Parts, *, replace: bool) -> None:
    """Accept a path that an upload can have, as things are now. Folders may be missing.

    Args:
        home: the home folder.
        parts: the path.
        replace: whether a file that has the name may be replaced.

    Raises:
        Refused: something that is no file, or that is not to be replaced, has the name, or something that is no folder
            is in the way.
    """
    try:
        with opened_folder(home, parts[:-1]) as folder:
            check_target(folder, parts, replace=replace)
    except OSError as error:
        raise refusal(error, parts) from None
    except Refused as error:
        if error.response.status != 404:
            raise


def delete(home: Path, parts: Parts) -> None:
    """Delete a file, a link, a pipe or the like, or an empty folder.

    Raises:
        Refused: there is no such thing, it is a folder with something in it, or it cannot be deleted.
    """
    with opened_folder(home, parts[:-1]) as folder:
        try:
            name = spelling(folder, parts[-1])
            if stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
                os.rmdir(name, dir_fd=folder)
            else:
                os.unlink(name, dir_fd=folder)
        except OSError as error:
            raise refusal(error, parts) from None
