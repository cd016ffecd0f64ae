"""``python -m hubkit`` is the ``hubkit`` program."""

from hubkit.cli.main import main

if __name__ == "__main__":
    main()
