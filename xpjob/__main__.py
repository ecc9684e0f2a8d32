"""``python -m xpjob`` is the ``xpjob`` command."""

import os
import signal

if __name__ == "__main__":
    # First of all: as PID 1, Python takes no notice of SIGTERM before it has a handler.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(143))

from xpjob.cli import main

if __name__ == "__main__":
    main()
