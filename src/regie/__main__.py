"""`python -m regie` is `regie`."""

from regie.cli import main

if __name__ == "__main__":
    main()
