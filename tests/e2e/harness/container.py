"""One container as a process of this machine: confined as its pod says, in a root of its own.

The root is this machine's file system, read-only, with a layer of the container's own on top:
mount points, /etc/hosts, programs of its image. It needs root, for mount namespaces.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

DEVICES = ("null", "zero", "full", "random", "urandom")
MESSAGE_LIMIT, LOG_LIMIT, LOG_LINES = 4096, 2048, 80  # the kubelet's own
# The layer lies on a tmpfs: an overlay whose layers contain each other is refused.
ENTER = """
work=$1 layer=$2 message=$3; shift 3
mount -t tmpfs tmpfs "$work"
mkdir "$work/root"
cp -a "$layer" "$work/layer"
mount -t overlay overlay -o "ro,lowerdir=$work/layer:/" "$work/root"
mount -t tmpfs tmpfs "$work/root/dev"
for device in {devices}; do
  touch "$work/root/dev/$device"
  mount --bind "/dev/$device" "$work/root/dev/$device"
done
touch "$work/root/dev/termination-log"
mount --bind "$message" "$work/root/dev/termination-log"
mount --bind /proc "$work/root/proc"
while [ "$1" != -- ]; do
  mount --bind "$1" "$work/root$2"
  shift 2
done
shift
exec chroot "$work/root" "$@"
""".replace("{devices}", " ".join(DEVICES))


@dataclass(frozen=True)
class Image:
    """What stands for an image: its entry point, its environment, and programs at their paths."""

    entrypoint: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    programs: Mapping[str, Path] = field(default_factory=dict)
    visible: Sequence[Path] = ()


@dataclass(frozen=True)
class Spec:
    """What is to be run: command, environment, mounts (source to path), user, hosts file."""

    command: Sequence[str]
    environment: Mapping[str, str]
    mounts: Mapping[Path, str]
    user: int
    group: int
    hosts: str


class Container:
    """A process that was started for a container. Its files are kept in `files`."""

    def __init__(self, files: Path, image: Image, spec: Spec) -> None:
        """Start it."""
        files.mkdir(parents=True)
        self.log = files / "log"
        self._message = files / "termination-log"
        self._message.touch(mode=0o666)
        self._message.chmod(0o666)
        work, layer = files / "work", files / "layer"
        work.mkdir()
        _lay(layer, image, spec)
        mounts = [
            part for source, path in spec.mounts.items() for part in (str(source), _in_root(path))
        ]
        confined = ["/usr/bin/setpriv", f"--reuid={spec.user}", f"--regid={spec.group}"]
        confined += ["--clear-groups", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]
        enter = ["unshare", "--mount", "--propagation=private", "sh", "-euc", ENTER, "enter"]
        self.started, self.finished = time.time(), 0.0
        with self.log.open("wb") as output:
            self._process = subprocess.Popen(
                [*enter, work, layer, self._message, *mounts, "--", *confined, *spec.command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={"PATH": os.environ["PATH"], **image.environment, **spec.environment},
                start_new_session=True,
                cwd="/",
            )

    def exit_code(self) -> int | None:
        """Its exit code as a container runtime gives it, None while it runs."""
        code = self._process.poll()
        if code is not None and not self.finished:
            self.finished = time.time()
        return 128 - code if code is not None and code < 0 else code

    def terminate(self) -> None:
        """Send SIGTERM."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once, and wait for that."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(timeout=10)

    def message(self, policy: str) -> str:
        """What it left as its termination message, or else the end of its log if that is asked."""
        text = self._message.read_bytes()[:MESSAGE_LIMIT].decode(errors="replace")
        if text or policy != "FallbackToLogsOnError" or not self.exit_code():
            return text
        end = self.log.read_bytes()[-LOG_LIMIT:].decode(errors="replace")
        return "\n".join(end.splitlines()[-LOG_LINES:])


def _lay(layer: Path, image: Image, spec: Spec) -> None:
    """Make the container's own layer."""
    for path in ("dev", "proc", "etc", *map(_in_root, spec.mounts.values())):
        _open_folder(layer, path.lstrip("/"))
    (layer / "etc" / "hosts").write_text(spec.hosts)
    for path, program in image.programs.items():
        target = layer / path.lstrip("/")
        _open_folder(layer, str(target.parent.relative_to(layer)))
        shutil.copy2(program, target)
    for shown in image.visible:
        # Readable for the container's user, though maybe below somebody's home.
        _open_folder(layer, str(shown).lstrip("/"))


def _in_root(path: str) -> str:
    """A path in the container, without the link from /var/run, which would lead out of it."""
    return path.replace("/var/run/", "/run/", 1) if path.startswith("/var/run/") else path


def _open_folder(layer: Path, path: str) -> None:
    folder = layer
    for part in Path(path).parts:
        folder = folder / part
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
