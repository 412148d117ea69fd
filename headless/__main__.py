"""`python -m headless` is the `signgen` command."""

from __future__ import annotations

import sys

from headless.cli import main

sys.exit(main())
