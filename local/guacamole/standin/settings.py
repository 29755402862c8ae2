"""The stand-in's settings, which it reads from the environment."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "STANDIN_"
DATA_SOURCES = ("postgresql", "mysql")
CLIENT_DIR = Path(__file__).resolve().parent.parent / "client"


class SettingsError(ValueError):
    """A setting is missing or wrong. The message names the variable, and a value to write."""


@dataclass(frozen=True)
class Settings:
    """The settings of one stand-in."""

    admin_username: str = "guacadmin"
    """The administrator's account, which the stand-in creates if the database lacks it."""
    admin_password: str = field(default="", repr=False)
    guacd_host: str = "127.0.0.1"
    guacd_port: int = 4822
    data_source: str = "postgresql"
    """The name of the data source: ``postgresql`` or ``mysql``."""
    database: str = ":memory:"
    """The path of an SQLite file. ``:memory:`` keeps everything in memory, until the program ends."""
    host: str = ""
    """The address to listen on; empty: all addresses, of both families."""
    port: int = 8080
    client_dir: Path = CLIENT_DIR
    """The folder with the page's files and its ``node_modules``."""
    token_lifetime: float = 3600.0
    """Seconds without a request until a token is dead. Guacamole's default ``api-session-timeout`` is 60 minutes."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read the settings from environment variables, usually ``os.environ``.

        Raises:
            SettingsError: A variable is missing, or its value is wrong.
        """
        data_source = environment.get(PREFIX + "DATA_SOURCE", cls.data_source)
        if data_source not in DATA_SOURCES:
            raise SettingsError(f"{PREFIX}DATA_SOURCE is {data_source!r}; write one of {', '.join(DATA_SOURCES)}")
        return cls(
            admin_username=environment.get(PREFIX + "ADMIN_USERNAME") or cls.admin_username,
            admin_password=_secret(environment, "ADMIN_PASSWORD_FILE"),
            guacd_host=environment.get(PREFIX + "GUACD_HOST") or cls.guacd_host,
            guacd_port=_port(environment, "GUACD_PORT", cls.guacd_port),
            data_source=data_source,
            database=environment.get(PREFIX + "DATABASE") or cls.database,
            host=environment.get(PREFIX + "HOST") or cls.host,
            port=_port(environment, "PORT", cls.port),
            client_dir=Path(environment.get(PREFIX + "CLIENT_DIR") or CLIENT_DIR),
        )


def _port(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(PREFIX + name) or str(default)
    if not text.isascii() or not text.isdigit() or not 0 <= int(text) <= 65535:
        raise SettingsError(f"{PREFIX}{name} is {text!r}; write a port number, for instance {default}")
    return int(text)


def _secret(environment: Mapping[str, str], name: str) -> str:
    path = environment.get(PREFIX + name)
    if not path:
        raise SettingsError(f"{PREFIX}{name} is not set; write the path of a file with the administrator's password")
    try:
        secret = Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SettingsError(f"{PREFIX}{name}: {path} cannot be read: {error.strerror}") from error
    if not secret:
        raise SettingsError(f"{PREFIX}{name}: {path} is empty; put the administrator's password in it")
    return secret
