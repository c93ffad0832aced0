"""TorchScript archives read as data."""

from __future__ import annotations

import pickle
import warnings
import zipfile

import pytest
import torch
from torch import nn

from vision_cli.core.errors import InputError
from vision_cli.io.pickles.torchscript import is_torchscript, load_script_tensors


class Inner(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 2)
        self.register_buffer("count", torch.tensor([4, 5]))
        self.name = "inner"
        self.sizes = [1, 2]

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return self.layer(values)


class Outer(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = Inner()
        self.turned = nn.Parameter(torch.arange(6.0).view(2, 3).T)
        self.short = nn.Parameter(torch.ones(2, dtype=torch.float16))

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return self.inner(values)


@pytest.fixture
def archive(tmp_path):
    path = tmp_path / "module.pt"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        torch.jit.script(Outer()).save(str(path))
    return path


def changed(path, target, change):
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = change(name, old.read(name))
            if content is not None:
                new.writestr(name, content)
    return target


def test_tensors_are_those_of_the_state_dict(archive):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        wanted = torch.jit.load(str(archive)).state_dict()
    found = load_script_tensors(archive)
    assert is_torchscript(archive)
    assert set(found) == set(wanted)
    assert all(found[name].dtype == one.dtype and torch.equal(found[name], one) for name, one in wanted.items())


def test_a_state_dict_is_no_archive(tmp_path):
    torch.save({"x": torch.zeros(2)}, tmp_path / "state.pt")
    (tmp_path / "text.pt").write_text("nothing", encoding="utf-8")
    assert not is_torchscript(tmp_path / "state.pt")
    assert not is_torchscript(tmp_path / "text.pt")


class Evil:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


def test_nothing_in_an_archive_is_called(archive, tmp_path):
    mark = tmp_path / "called"
    content = pickle.dumps(Evil(str(mark)), protocol=2)
    path = changed(archive, tmp_path / "evil.pt", lambda name, old: content if name.endswith("/data.pkl") else old)
    assert load_script_tensors(path) == {}
    assert not mark.exists()


@pytest.mark.parametrize(
    "change",
    [
        lambda name, old: old[:2] if "/data/" in name else old,
        lambda name, old: None if "/data/" in name else old,
        lambda name, old: old[:50] if name.endswith("/data.pkl") else old,
        lambda name, old: None if name.endswith("/data.pkl") else old,
    ],
    ids=["short values", "no values", "short pickle", "no pickle"],
)
def test_damaged_archives_are_refused(archive, tmp_path, change):
    path = changed(archive, tmp_path / "bad.pt", change)
    with pytest.raises(InputError, match="not a TorchScript archive that can be read"):
        load_script_tensors(path)
