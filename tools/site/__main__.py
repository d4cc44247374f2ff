"""Build the site into build/site/html; every warning is an error."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tools.site import build

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tools.site", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/site"), help="the folder for all that is made")
    sys.exit(build.build(parser.parse_args().out))
