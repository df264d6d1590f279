"""Omnitrack from the command line: `python main.py --help`."""

import sys

from tracker.cli.app import main

if __name__ == "__main__":
    sys.exit(main())
