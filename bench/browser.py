"""The browser that measurements of pages use."""

from __future__ import annotations

import shutil
import sys


def chromium() -> str:
    """Where Chromium is; ends the program with what to do where there is none."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    sys.exit("needs Chromium (Debian: apt-get install chromium)")
