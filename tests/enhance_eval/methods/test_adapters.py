"""Methods of others: folders, ONNX, TorchScript, Python functions, programs."""

from __future__ import annotations

import shlex
import sys
import time

import cv2
import numpy as np
import pytest

from vision_cli.core.errors import InputError, MissingError, NumericalError, UsageError, VcliError
from vision_cli.enhance_eval.data.sources import write_picture
from vision_cli.enhance_eval.methods.adapters import graphs
from vision_cli.enhance_eval.methods.adapters.commands import command_method
from vision_cli.enhance_eval.methods.adapters.pictures import read_rgb
from vision_cli.enhance_eval.methods.building import build_method
from vision_cli.enhance_eval.methods.checking import enhance_checked
from vision_cli.enhance_eval.methods.specs import parse_method


def picture(seed=0, shape=(8, 11, 3)):
    return (np.random.default_rng(seed).integers(0, 120, shape) / np.float32(255)).astype(np.float32)


def enhance(text, one=None, name="a/1", **options):
    return enhance_checked(build_method(parse_method(text), **options), picture() if one is None else one, name=name)


# Folders


def test_a_folder_gives_the_picture_of_the_same_name(tmp_path):
    (tmp_path / "a").mkdir()
    write_picture(tmp_path / "a" / "1.png", picture(5))
    np.testing.assert_allclose(enhance(f"dir:{tmp_path}"), picture(5), atol=1e-6)
    np.testing.assert_allclose(enhance(f"dir:{tmp_path}", name="b/1"), picture(5), atol=1e-6)
    assert enhance(f"dir:{tmp_path}+bilateral").shape == (8, 11, 3)


def test_a_folder_without_the_picture_or_with_two_of_it_says_so(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        write_picture(tmp_path / folder / "1.png", picture())
    with pytest.raises(InputError, match="no picture named 2"):
        enhance(f"dir:{tmp_path}", name="2")
    with pytest.raises(InputError, match=r"a/1.png and b/1.png are both named 1"):
        enhance(f"dir:{tmp_path}", name="1")
    with pytest.raises(UsageError, match="looks pictures up by name"):
        build_method(parse_method(f"dir:{tmp_path}")).enhance(picture())


def test_a_ready_picture_of_another_size_fails(tmp_path):
    write_picture(tmp_path / "1.png", picture(shape=(4, 4, 3)))
    with pytest.raises(NumericalError, match=r"returned shape \(4, 4, 3\); \(8, 11, 3\) expected"):
        enhance(f"dir:{tmp_path}", name="1")


def test_folders_that_are_none_or_empty(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        build_method(parse_method(f"dir:{tmp_path / 'x'}"))
    with pytest.raises(InputError, match="no picture in it"):
        build_method(parse_method(f"dir:{tmp_path}"))


def test_pictures_of_16_bits_grey_and_alpha_become_rgb(tmp_path):
    grey = np.arange(0, 65536, 4096, dtype=np.uint16).reshape(4, 4)
    cv2.imwrite(str(tmp_path / "g.png"), grey)
    np.testing.assert_allclose(read_rgb(tmp_path / "g.png"), np.repeat(grey[..., None] / 65535, 3, axis=2), atol=1e-6)
    cv2.imwrite(str(tmp_path / "a.png"), np.full((3, 3, 4), (10, 20, 30, 40), np.uint8))
    np.testing.assert_allclose(read_rgb(tmp_path / "a.png")[0, 0] * 255, [30, 20, 10], atol=1e-4)


def test_a_damaged_picture_says_so(tmp_path):
    write_picture(tmp_path / "1.png", picture())
    (tmp_path / "2.png").write_bytes((tmp_path / "1.png").read_bytes()[:40])
    with pytest.raises(InputError, match=r"2\.png"):
        read_rgb(tmp_path / "2.png")


# ONNX and TorchScript


@pytest.fixture(scope="module")
def half_gamma(tmp_path_factory):
    """Give an ONNX file that takes the square root, with a small output before the picture."""
    import onnx
    from onnx import TensorProto, helper

    shape = [1, 3, "h", "w"]
    made = helper.make_graph(
        [helper.make_node("ReduceMean", ["x"], ["m"], keepdims=1), helper.make_node("Sqrt", ["x"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [
            helper.make_tensor_value_info("m", TensorProto.FLOAT, [1, 1, 1, 1]),
            helper.make_tensor_value_info("y", TensorProto.FLOAT, shape),
        ],
    )
    path = tmp_path_factory.mktemp("onnx") / "root.onnx"
    onnx.save(helper.make_model(made, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return path


def test_an_onnx_file_is_run(half_gamma):
    np.testing.assert_allclose(enhance(f"onnx:{half_gamma}"), np.sqrt(picture()), atol=1e-6)


def test_an_onnx_file_is_run_by_opencv_without_onnx_runtime(half_gamma, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    np.testing.assert_allclose(enhance(f"onnx:{half_gamma}"), np.sqrt(picture()), atol=1e-6)


@pytest.mark.parametrize("without_runtime", [False, True])
def test_what_is_no_onnx_file_says_so(tmp_path, monkeypatch, without_runtime):
    if without_runtime:
        monkeypatch.setitem(sys.modules, "onnxruntime", None)
    (tmp_path / "n.onnx").write_bytes(b"<html>")
    with pytest.raises(InputError, match="cannot be read as ONNX"):
        build_method(parse_method(f"onnx:{tmp_path / 'n.onnx'}"))
    with pytest.raises(MissingError, match="no such file"):
        build_method(parse_method("onnx:nowhere.onnx"))


def test_a_network_without_a_picture_among_its_outputs_fails():
    method = graphs.GraphMethod("n", "n.onnx", lambda batch: [np.zeros((1, 5))])
    with pytest.raises(NumericalError, match=r"returned \(1, 5\); \(1, 3, 8, 11\) expected"):
        method.enhance(picture())


def test_a_torchscript_file_is_run_and_a_pickle_is_not(tmp_path):
    import torch

    class Root(torch.nn.Module):
        def forward(self, x):
            return x.sqrt()

    torch.jit.script(Root()).save(str(tmp_path / "root.pt"))
    np.testing.assert_allclose(enhance(f"ts:{tmp_path / 'root.pt'}"), np.sqrt(picture()), atol=1e-6)
    torch.save({"a": torch.ones(2)}, tmp_path / "state.pt")
    with pytest.raises(InputError, match="cannot be read as TorchScript"):
        build_method(parse_method(f"ts:{tmp_path / 'state.pt'}"))


# Python functions


@pytest.fixture
def mine(tmp_path, monkeypatch):
    (tmp_path / "mymethods_enhance_eval.py").write_text(
        "import numpy as np\n"
        "def root(picture):\n    picture **= 0.5\n    return picture\n"
        "def eight(picture):\n    return (255 * picture).astype('uint8')\n"
        "def broken(picture):\n    raise KeyError('layer')\n"
    )
    (tmp_path / "fails.py").write_text("1 / 0\n")
    monkeypatch.chdir(tmp_path)
    before = list(sys.path)
    yield "mymethods_enhance_eval"
    assert sys.path == before
    sys.modules.pop("mymethods_enhance_eval", None)


def test_a_function_of_the_working_directory_is_run(mine):
    given = picture()
    np.testing.assert_allclose(enhance(f"py:{mine}:root", given), np.sqrt(picture()), atol=1e-6)
    np.testing.assert_array_equal(given, picture())
    np.testing.assert_allclose(enhance(f"py:{mine}.py:root"), np.sqrt(picture()), atol=1e-6)


def test_functions_that_fail_or_are_not_there(mine):
    with pytest.raises(NumericalError, match="returned uint8"):
        enhance(f"py:{mine}:eight")
    with pytest.raises(NumericalError, match=r"failed \(KeyError: 'layer'\)"):
        enhance(f"py:{mine}:broken")
    with pytest.raises(UsageError, match="no function nothing in"):
        enhance(f"py:{mine}:nothing")
    with pytest.raises(UsageError, match=r"package.module:function or FILE.py:function expected"):
        enhance(f"py:{mine}")
    with pytest.raises(MissingError, match="no module named nowhere_at_all"):
        enhance("py:nowhere_at_all:f")
    with pytest.raises(MissingError, match=r"none\.py: no such file"):
        enhance("py:none.py:f")
    with pytest.raises(InputError, match=r"fails fails on import \(ZeroDivisionError"):
        enhance("py:fails:f")


# Programs


def program(tmp_path, body):
    script = tmp_path / "prog.py"
    script.write_text(f"import sys, shutil, time, pathlib\nsource, target = map(pathlib.Path, sys.argv[1:3])\n{body}\n")
    return f"{shlex.quote(sys.executable)} {shlex.quote(str(script))} {{in}} {{out}}"


def test_a_program_enhances_a_folder(tmp_path):
    command = program(tmp_path, "for f in source.iterdir(): shutil.copy(f, target / f.name)")
    np.testing.assert_allclose(enhance(f'cmd:"{command}"'), picture(), atol=1e-6)
    many = command_method("c", command).enhance_many({"x/1": picture(1), "y 2": picture(2)})
    np.testing.assert_allclose(many["x/1"], picture(1), atol=1e-6)
    np.testing.assert_allclose(many["y 2"], picture(2), atol=1e-6)


def test_a_picture_that_a_program_leaves_out_fails_alone(tmp_path):
    command = program(tmp_path, "f = sorted(source.iterdir())[0]; shutil.copy(f, target / f.name)")
    many = command_method("c", command).enhance_many({"1": picture(1), "2": picture(2)})
    assert isinstance(many["1"], np.ndarray)
    assert isinstance(many["2"], VcliError)
    assert "wrote no picture" in many["2"].message


def test_a_program_that_fails_leaves_the_end_of_its_stderr(tmp_path):
    command = program(tmp_path, "print('x' * 9000, file=sys.stderr); print('no layer', file=sys.stderr); sys.exit(3)")
    with pytest.raises(NumericalError, match=r"ended with code 3\. .*no layer") as raised:
        enhance(f'cmd:"{command}"')
    assert len(raised.value.message) < 2400


def test_a_program_that_hangs_is_ended_with_its_children(tmp_path):
    body = (
        "import subprocess\n"
        f"subprocess.Popen([sys.executable, '-c', 'import time, pathlib; time.sleep(3); "
        f'pathlib.Path("{tmp_path}/late").touch()\'])\n'
        "print('working', file=sys.stderr, flush=True)\ntime.sleep(60)"
    )
    started = time.monotonic()
    with pytest.raises(NumericalError, match=r"still running after 1 s"):
        enhance(f'cmd:"{program(tmp_path, body)}"', timeout=1)
    assert time.monotonic() - started < 20
    time.sleep(max(0, 4.5 - (time.monotonic() - started)))
    assert not (tmp_path / "late").exists()


def test_programs_that_cannot_be_started():
    with pytest.raises(MissingError, match="no-such-program-anywhere: no such program"):
        enhance("cmd:no-such-program-anywhere {in} {out}")
    with pytest.raises(UsageError, match=r"without \{out\}"):
        enhance("cmd:prog {in}")
    with pytest.raises(UsageError, match="No closing quotation"):
        command_method("c", "prog 'x {in} {out}")
