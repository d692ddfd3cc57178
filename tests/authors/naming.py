"""Write the repository's name into the links of README.md: python3 lab.py name OWNER/REPO"""

import re
import sys
from pathlib import Path

README = Path(__file__).resolve().parents[2] / "README.md"


def main(arguments):
    """Replace OWNER/REPO in README.md with the one argument; return the exit code."""
    text = README.read_text(encoding="utf-8")
    name = arguments[0] if len(arguments) == 1 else ""
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", name) or "OWNER/REPO" not in text:
        print(f"{__doc__}\nThe name is like anna/pools, and {README} must contain OWNER/REPO.")
        return 2
    owner, repository = name.split("/")
    text = text.replace("OWNER/REPO", name)
    text = text.replace("OWNER.github.io/REPO", f"{owner.lower()}.github.io/{repository}")
    README.write_text(text, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
