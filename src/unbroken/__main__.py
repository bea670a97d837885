"""``python -m unbroken``: the command, where its script is not on the path."""

from unbroken.cli import main

if __name__ == "__main__":
    main()
