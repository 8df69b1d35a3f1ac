"""``python -m fpgac``."""

from fpgac.cli.app import main

if __name__ == "__main__":
    main()
