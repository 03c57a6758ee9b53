"""python -m scraper"""

import sys

from scraper.cli import main

if __name__ == "__main__":
    try:
        sys.exit(main())
    except ModuleNotFoundError as error:
        # In a clone another Python finds this package, and nothing that it needs.
        sys.stderr.write(
            f"error: {sys.executable} has no {error.name}: use the Python of the environment that "
            "this was installed into, such as .venv/bin/python -m scraper\n"
        )
        sys.exit(2)
