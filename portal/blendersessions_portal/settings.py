"""The portal's settings, read from environment variables that start with `BLENDERSESSIONS_PORTAL_`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, Field, FilePath
from pydantic_settings import BaseSettings, SettingsConfigDict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic import ValidationError

_PREFIX = "BLENDERSESSIONS_PORTAL_"
_WORK_TREE = Path(__file__).resolve().parents[2]
_MINIMUM_KEY_BYTES = 32


def _web_address(value: str) -> str:
    if not value.startswith(("http://", "https://")) or "?" in value or "#" in value:
        raise ValueError(f"{value!r} is no base URL: write http:// or https://, the host, and a path if there is one")
    return value.rstrip("/") + "/"


WebAddress = Annotated[str, AfterValidator(_web_address)]


class Settings(BaseSettings):
    """The portal's settings. Those without a default must be given. `docs/interfaces.md` has the same table."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, frozen=True)

    namespace: str = Field(min_length=1, description="Namespace in which sessions are created.")
    public_url: WebAddress = Field(description="What browsers open, with a trailing slash; the same as the operator's.")
    guacamole_url: WebAddress = Field(
        description="Guacamole as seen from the portal; used only to sign owners in and out."
    )
    guacamole_ca_file: FilePath | None = Field(default=None, description="A private CA for `guacamole_url`.")
    cookie_key_file: FilePath = Field(description="File with the key that signs cookies, at least 32 bytes.")
    samples_dir: Path = Field(
        default=_WORK_TREE / "images" / "blender" / "scenes",
        description="Folder with samples.yaml and thumbnails/; by default the work tree's.",
    )
    max_sessions: int = Field(
        default=3, ge=1, le=100, description="Sessions that one visitor may have at a time, suspended ones among them."
    )
    max_sessions_of_all: int = Field(
        default=60, ge=1, le=100_000, description="Sessions that all visitors together may have at a time."
    )
    port: int = Field(
        default=8000, ge=1, le=65535, description="TCP port to listen on, on all addresses of both families."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(default="INFO", description="Standard level name.")

    def read_cookie_key(self) -> bytes:
        """Read the key that signs cookies.

        Raises:
            ValueError: the file holds fewer than 32 bytes, which could be guessed.
        """
        key = self.cookie_key_file.read_bytes().strip()
        if len(key) < _MINIMUM_KEY_BYTES:
            raise ValueError(
                f"{self.cookie_key_file} holds {len(key)} bytes: write at least {_MINIMUM_KEY_BYTES} random ones,"
                " for instance by `head -c 48 /dev/urandom | base64`"
            )
        return key


def describe_faults(invalid: ValidationError, prefix: str = _PREFIX) -> Iterator[str]:
    """Yield one line for each setting that is missing or wrong, of those with a prefix."""
    for fault in invalid.errors():
        name = prefix + "_".join(str(step) for step in fault["loc"]).upper()
        message = fault["msg"].removeprefix("Value error, ")
        yield f"{name}: {message}. See docs/interfaces.md for the portal's settings."
