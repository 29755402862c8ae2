"""The virtual display: an X server with a VNC server in it, and a window manager."""

import os
import select
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from entry.errors import StartError
from entry.screen import Screen

RFB_PORT = 5900
BACKLOG = 1024
"""Connections that wait until Xvnc accepts them. Its own socket lets 5 wait, and more at once hang for ever."""
_START_SECONDS = 30.0


def write_password_file(secret: Path, target: Path) -> None:
    """Write the VNC password in the format that the VNC server reads.

    Args:
        secret: file with the password.
        target: file to write, readable by this user alone.

    Raises:
        StartError: the secret is missing or empty, or the conversion failed.
    """
    try:
        password = secret.read_bytes().rstrip(b"\n")
    except OSError as error:
        raise StartError("DisplayFailed", f"The VNC password cannot be read: {error}.") from error
    if not password:
        raise StartError("DisplayFailed", f"The VNC password in {secret} is empty.")
    result = subprocess.run(["vncpasswd", "-f"], input=password + b"\n", capture_output=True, check=False)
    if result.returncode != 0:
        raise StartError("DisplayFailed", f"vncpasswd failed: {result.stderr.decode(errors='replace').strip()}")
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(result.stdout)


def start_server(
    screen: Screen, password_file: Path, environment: Mapping[str, str]
) -> tuple["subprocess.Popen[bytes]", str]:
    """Start Xvnc and return it with the name of its display, once that accepts clients.

    Args:
        screen: the screen's size and depth.
        password_file: the VNC password, as `write_password_file` wrote it.
        environment: the server's environment variables.

    Raises:
        StartError: the server ended or did not come up.
    """
    reading, writing = os.pipe()
    command = [
        "Xvnc",
        "-displayfd", str(writing),
        *screen.server_arguments,
        "-SecurityTypes", "VncAuth",
        "-PasswordFile", str(password_file),
        # Guacamole opens one VNC connection per viewer of the same desktop.
        "-AlwaysShared",
        # All viewers come from guacd's address. After a few connections that ended early it would be shut out.
        "-UseBlacklist=0",
        "-desktop", "Blender",
        "-nolisten", "tcp",
        # Last, because Xvnc prints nothing after it: standard input is the socket that it listens on.
        "-inetd",
    ]  # fmt: skip
    with _listen() as listener:
        server = subprocess.Popen(command, pass_fds=[writing], stdin=listener.fileno(), env=dict(environment), cwd="/")
    os.close(writing)
    with os.fdopen(reading, "rb", buffering=0) as stream:
        number = _read_line(stream.fileno())
    if not number:
        server.kill()
        server.wait()
        raise StartError("DisplayFailed", f"Xvnc did not give a display of {screen.width}x{screen.height}.")
    return server, f":{number}"


def _listen() -> socket.socket:
    try:
        if socket.has_dualstack_ipv6():
            return socket.create_server(("", RFB_PORT), family=socket.AF_INET6, backlog=BACKLOG, dualstack_ipv6=True)
        return socket.create_server(("", RFB_PORT), backlog=BACKLOG)
    except OSError as error:
        raise StartError("DisplayFailed", f"Port {RFB_PORT} for VNC cannot be opened: {error.strerror}.") from error


def _read_line(descriptor: int) -> str:
    """Return one line without its end; empty if the other side closes the pipe or `_START_SECONDS` are over."""
    received = b""
    deadline = time.monotonic() + _START_SECONDS
    while not received.endswith(b"\n"):
        ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
        chunk = os.read(descriptor, 64) if ready else b""
        if not chunk:
            return ""
        received += chunk
    return received.decode().strip()


def window_manager_command(configuration: Path) -> list[str]:
    """Return openbox's program and arguments.

    Args:
        configuration: openbox's configuration file.
    """
    return ["openbox", "--sm-disable", "--config-file", str(configuration)]
