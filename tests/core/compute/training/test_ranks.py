"""A run shared by the processes of a training, here by one: several are in ``tests/core/command/test_verbs.py``."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from vision_cli.core.compute.training.ranks import open_shared_run, shared_directory
from vision_cli.core.errors import UsageError


class OpenedRun(SimpleNamespace):
    """What a training asks of an open run."""

    def __enter__(self):
        self.is_open = True
        return self

    def __exit__(self, *_):
        self.is_open = False


@pytest.mark.parametrize("done", [True, False])
def test_one_process_opens_the_run_and_closes_it(tmp_path, done):
    opened = OpenedRun(directory=tmp_path, already_done=done)
    with open_shared_run(lambda: opened, cpu=True) as shared:
        assert shared.run is opened
        assert shared.done == done
        assert opened.is_open
        assert shared_directory(opened) == tmp_path
    assert not opened.is_open


def test_the_error_of_opening_is_raised():
    def refuse():
        raise UsageError("refused")

    with pytest.raises(UsageError, match="refused"), open_shared_run(refuse, cpu=True):
        pass
