"""mien._extras: optional packages are imported when needed, and named when missing."""

from __future__ import annotations

import math
import sys

import pytest
from mien._extras import need
from mien.errors import MissingExtraError


def test_an_installed_module_is_handed_out() -> None:
    assert need("math", "Counting") is math


@pytest.mark.parametrize(("module", "extra"), [("cv2", "video"), ("matplotlib.pyplot", "viewer")])
def test_a_missing_module_names_its_extra_and_the_pip_command(
    module: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module.partition(".")[0], None)
    with pytest.raises(MissingExtraError, match=rf"pip install 'mien\[{extra}\]'"):
        need(module, "Drawing")
