"""`python -m faceline` is the command `faceline`."""

import sys

from faceline.cli.main import main

sys.exit(main())
