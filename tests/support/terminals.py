"""Commands on a real terminal (a pty), and what reaches it."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
import unicodedata
from dataclasses import dataclass

from support.command import ENV

COLUMNS = 220
_UNSEEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180d\u3164\ufe00\ufe0f\uffa0\U000e0100")


@dataclass(frozen=True)
class Shown:
    """What a command printed on a terminal, byte by byte, and its exit code."""

    text: str
    code: int


def on_terminal(*arguments: str, **environ: str) -> Shown:
    """Run a command to its end with a terminal as stdin, stdout and stderr."""
    master, slave = pty.openpty()
    attributes = termios.tcgetattr(slave)
    attributes[1] &= ~termios.OPOST  # nothing is added by the terminal itself
    termios.tcsetattr(slave, termios.TCSANOW, attributes)
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "xpjob", *arguments],
        env={**ENV, "TERM": "dumb", **environ},
        stdin=slave,
        stdout=slave,
        stderr=slave,
    )
    os.close(slave)
    printed = bytearray()
    try:
        while piece := _read(master):
            printed += piece
    finally:
        os.close(master)
        try:
            code = process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
    return Shown(printed.decode(), code)


def obeyed(text: str, allowed: str = "\n") -> set[str]:
    """Return the names of characters that a terminal obeys, or does not show."""
    return {
        f"U+{ord(char):04X}"
        for char in text
        if char not in allowed
        and (unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp", "Cs") or char in _UNSEEN)
    }


def cells(line: str) -> int:
    """Return how many columns of a terminal a line takes."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in line
    )


def _read(master: int) -> bytes:
    try:
        return os.read(master, 65536)
    except OSError:  # Linux, when the last process has closed its side
        return b""
