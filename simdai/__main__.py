"""``python -m simdai`` is the command line."""

from simdai.cli import main

if __name__ == "__main__":
    main()
