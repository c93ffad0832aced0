"""Names that are imported when they are asked for."""

from __future__ import annotations

import pytest

import vision_cli.fewshot_seg as task
from vision_cli.core.lazy_names import lazy_names
from vision_cli.fewshot_seg.values import Support


def test_a_name_is_that_of_its_module():
    assert task.Support is Support
    assert all(getattr(task, name) is not None for name in task.__all__)


def test_other_names_are_no_attributes():
    get = lazy_names("vision_cli.core", {"find_sample": "samples"})
    assert get("find_sample")("register").task == "register"
    with pytest.raises(AttributeError, match=r"module 'vision_cli\.core' has no attribute 'other'"):
        get("other")
