"""Every test here needs torch."""

import pytest

torch = pytest.importorskip("torch", reason="needs the extra `live`")
