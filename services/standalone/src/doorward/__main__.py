"""The command `doorward`, also as `python -m doorward`."""

import sys


def main() -> int:
    """Run the command. Ctrl-C ends it without a traceback, also while the modules are imported."""
    try:
        from doorward import cli  # noqa: PLC0415 - takes a second

        return cli.main()
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
