"""``python -m harness.cli``."""

import sys

from harness.system.import_path import library_first

sys.path[:] = library_first(sys.path)  # `-m` puts the working directory in front

from harness.cli import main  # noqa: E402

sys.exit(main())
