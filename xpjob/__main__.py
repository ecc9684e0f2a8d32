"""Entry point of ``python -m xpjob``."""

import os
import signal

if __name__ == "__main__":
    # Before the slow imports: as PID 1, Python ignores SIGTERM until it has a handler.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(143))

from xpjob.cli import main

if __name__ == "__main__":
    main()
