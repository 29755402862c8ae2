"""A database that is put back to an older state: passwords, users and grants converge without a restart."""

from __future__ import annotations

import contextlib
import sqlite3
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from blendersessions.clients.guacamole import users
from blendersessions.clients.guacamole.directory import GuacamoleDirectory
from contract.guacamole_access import CONNECTION, INSTALLATION, access_of, new_user, registered, signed_in
from contract.standins import running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from blendersessions.clients.guacamole.client import GuacamoleClient


class Backups:
    """Copies of a stand-in's database."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._copy = database.with_suffix(".backup")

    def make(self) -> None:
        """Copy the database as it is now."""
        self._copy.unlink(missing_ok=True)
        _copy(self._database, self._copy)

    def restore(self) -> None:
        """Put the copy back while Guacamole runs."""
        _copy(self._copy, self._database)


def _copy(source: Path, target: Path) -> None:
    with contextlib.closing(sqlite3.connect(source)) as from_, contextlib.closing(sqlite3.connect(target)) as to:
        from_.backup(to)


@asynccontextmanager
async def guacamole(folder: Path) -> AsyncIterator[tuple[GuacamoleClient, GuacamoleDirectory, Backups]]:
    """A Guacamole with a session of alice's, whose rights were checked once, as they are at the operator's start."""
    database = folder / "guacamole.sqlite"
    with running(database=str(database)) as standin:
        async with signed_in(standin, folder) as client:
            directory = GuacamoleDirectory(client, INSTALLATION)
            await registered(directory)
            await directory.refresh_users()
            await directory.check_rights()
            yield client, directory, Backups(database)


async def cycle(directory: GuacamoleDirectory) -> set[str]:
    """What the operator does in each cycle of the resync; return the names of connections that changed."""
    changed = await directory.refresh()
    if directory.rights_doubtful:
        await directory.refresh_users()
    return changed | await directory.check_rights()


async def test_an_older_password_is_seen_in_the_list_of_users(tmp_path: Path) -> None:
    async with guacamole(tmp_path) as (_, directory, backups):
        backups.make()
        await directory.set_password(new_user("alice", "secret-2", fingerprint="fe"))
        assert await directory.refresh_users() == set()
        backups.restore()
        assert await directory.refresh_users() == {"alice"}
        assert directory.known_users()["alice"].fingerprint != "fe"
        assert directory.rights_doubtful, "what was revoked since the backup may be back too"


async def test_a_revoked_grant_that_comes_back_is_seen(tmp_path: Path) -> None:
    async with guacamole(tmp_path) as (client, directory, backups):
        await client.call("POST", "users", body={"username": "teacher", "password": "x", "attributes": {}})
        await directory.inspect(access_of("teacher"))
        await directory.grant("teacher", CONNECTION.name)
        backups.make()
        await directory.revoke("teacher", CONNECTION.name)
        assert await cycle(directory) == set(), "nothing was restored"
        assert not directory.rights_doubtful
        backups.restore()
        assert await cycle(directory) == {CONNECTION.name}
        assert ("teacher", CONNECTION.name) in directory.view(access_of("alice")).grants, "so the plan revokes it"
        assert await cycle(directory) == set()
        assert not directory.rights_doubtful, "all rights are read once"


async def test_a_grant_without_the_right_to_the_group_is_seen_too(tmp_path: Path) -> None:
    async with guacamole(tmp_path) as (client, directory, _):
        await client.call("POST", "users", body={"username": "teacher", "password": "x", "attributes": {}})
        identifier = directory.known_connections()[CONNECTION.name].identifier
        await users.change(client, "teacher", "add", [f"/connectionPermissions/{identifier}"])
        successor = GuacamoleDirectory(client, INSTALLATION)
        await cycle(successor)
        pair = ("teacher", CONNECTION.name)
        assert pair in successor.view(access_of("alice")).grants, "the link would open without it"
        await successor.inspect(access_of("teacher"))
        assert pair not in successor.view(access_of("teacher")).grants, "their home page would not show it"
        await successor.grant(*pair)
        assert pair in successor.view(access_of("teacher")).grants


async def test_a_restored_database_is_noticed_a_second_time(tmp_path: Path) -> None:
    async with guacamole(tmp_path) as (_, directory, backups):
        backups.make()
        for _ in range(2):
            await directory.revoke("alice", CONNECTION.name)
            await cycle(directory)
            backups.restore()
            await directory.refresh()
            assert directory.rights_doubtful
            await cycle(directory)


async def test_the_rights_of_administrators_who_made_a_connection_are_no_grants(tmp_path: Path) -> None:
    async with guacamole(tmp_path) as (_, directory, _):
        assert directory.view(access_of("alice")).grants == {("alice", CONNECTION.name)}


async def test_a_restarted_operator_reads_all_rights_once(tmp_path: Path) -> None:
    async with guacamole(tmp_path) as (client, directory, _):
        await client.call("POST", "users", body={"username": "teacher", "password": "x", "attributes": {}})
        await directory.inspect(access_of("teacher"))
        await directory.grant("teacher", CONNECTION.name)
        successor = GuacamoleDirectory(client, INSTALLATION)
        assert successor.rights_doubtful
        await cycle(successor)
        await successor.inspect(access_of("alice"))
        assert ("teacher", CONNECTION.name) in successor.view(access_of("alice")).grants


async def test_a_revocation_is_carried_out_though_the_mark_is_gone(tmp_path: Path) -> None:
    async with guacamole(tmp_path) as (client, directory, _):
        groups = (await client.get("connectionGroups")).items()
        [mark] = [key for key, each in groups if "revision" in each["name"]]
        await client.call("DELETE", "connectionGroups", mark)
        await directory.revoke("alice", CONNECTION.name)
        assert (await client.get("users", "alice", "permissions"))["connectionPermissions"] == {}
        await cycle(directory)
        revisions = [each["name"] for each in (await client.get("connectionGroups")).values() if "rev" in each["name"]]
        assert len(revisions) == 1
        assert "revision 1)" not in revisions[0], "what was owed is written"
