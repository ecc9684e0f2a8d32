"""``python -m xpjob`` is the ``xpjob`` command."""

from xpjob.cli import main

if __name__ == "__main__":
    main()
