"""Run `python -m watchedpool` as the command `watchedpool`."""

from watchedpool.cli import main

if __name__ == "__main__":
    main()
