"""Run `python -m watchedpool` as the command `watchedpool`."""

import sys

if __name__ == "__main__":
    if not sys.flags.safe_path:
        del sys.path[0]  # the current folder, where a program may have modules with Python's names
    from watchedpool.cli import main

    main()
