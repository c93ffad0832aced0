"""Every data set is read as its authors lay it out, its labels by their own clocks."""

from __future__ import annotations

import json

import cv2
import h5py
import numpy as np
import pytest
from scipy import io

from vision_cli.core.errors import InputError
from vision_cli.io.videos.videos import VideoWriter
from vision_cli.rppg_adapt.data.layouts import find_recordings

FRAMES = np.random.default_rng(0).integers(0, 255, (6, 16, 24, 3), dtype=np.uint8)
TIMES = np.arange(6) / 30
WAVE = np.sin(np.arange(60) / 5)


def video(path, fps=30.0):
    path.parent.mkdir(parents=True, exist_ok=True)
    with VideoWriter(path, (16, 24), codec="mjpeg", fps=fps) as writer:
        for frame in FRAMES:
            writer.write(frame)


def pictures(folder, names, suffix=".png"):
    folder.mkdir(parents=True)
    for name, frame in zip(names, FRAMES, strict=True):
        cv2.imwrite(str(folder / f"{name}{suffix}"), frame)


def only(root, kind):
    (found,) = find_recordings(root, kind)
    frames = list(found.open())
    assert len(frames) == 6
    label = found.read_label(np.array([frame.time_s for frame in frames])).checked(str(root))
    return found, frames, label


def test_ubfc(tmp_path):
    video(tmp_path / "subject3/vid.avi")
    rows = (WAVE, np.full(60, 70.0), np.arange(60) / 30 + 2)
    text = "\n".join("   ".join(f"{v:.7e}" for v in row) for row in rows)
    (tmp_path / "subject3/ground_truth.txt").write_text(text + "\n")
    found, _, label = only(tmp_path, "ubfc")
    assert found.subject == "subject3"
    np.testing.assert_allclose(label.times, np.arange(60) / 30, atol=1e-6)
    np.testing.assert_allclose(label.wave, WAVE, atol=1e-6)


def test_ubfcs_first_part(tmp_path):
    video(tmp_path / "5-gt/vid.avi")
    rows = np.column_stack([np.arange(60) * 16 + 100, np.full(60, 70), np.full(60, 98), WAVE])
    np.savetxt(tmp_path / "5-gt/gtdump.xmp", rows, delimiter=",")
    _, _, label = only(tmp_path, "ubfc")
    assert label.times[-1] == pytest.approx(59 * 0.016)


def test_pure_is_brought_together_by_time_stamps(tmp_path):
    first = 1392643993642815000
    pictures(tmp_path / "01-02/01-02", [f"Image{first + k * 33_000_000}" for k in range(6)])
    package = [
        {"Timestamp": first - 50_000_000 + k * 16_666_667, "Value": {"waveform": float(v), "pulseRate": 70}}
        for k, v in enumerate(WAVE)
    ]
    document = {"/FullPackage": package, "/Image": [{"Timestamp": first}]}
    (tmp_path / "01-02/01-02.json").write_text(json.dumps(document))
    found, frames, label = only(tmp_path, "pure")
    assert (found.subject, found.meta["task"]) == ("01", "02")
    assert frames[1].time_s == pytest.approx(0.033)
    assert label.times[0] == pytest.approx(-0.05)


def test_pure_without_its_packages_is_refused(tmp_path):
    pictures(tmp_path / "01-02", [f"Image{1392643993642815000 + k * 33_000_000}" for k in range(6)])
    (tmp_path / "01-02/01-02.json").write_text('{"/Image": []}')
    (found,) = find_recordings(tmp_path, "pure")
    with pytest.raises(InputError, match=r"01-02\.json: no /FullPackage found"):
        found.read_label(TIMES)


def test_cohface(tmp_path):
    video(tmp_path / "7/2/data.avi", 20)
    with h5py.File(tmp_path / "7/2/data.hdf5", "w") as file:
        file["pulse"] = WAVE
    found, frames, label = only(tmp_path, "cohface")
    assert (found.id, found.subject) == ("7-2", "7")
    assert frames[1].time_s == pytest.approx(0.05, abs=1e-3)
    assert label.times[1] == pytest.approx(1 / 256)


def test_ubfc_phys(tmp_path):
    video(tmp_path / "s4/vid_s4_T2.avi")
    np.savetxt(tmp_path / "s4/bvp_s4_T2.csv", WAVE)
    found, _, label = only(tmp_path, "ubfc-phys")
    assert (found.id, found.subject, found.meta) == ("s4_T2", "s4", {"task": "T2"})
    assert label.times[64 - 5] == pytest.approx(59 / 64)


def test_mmpd(tmp_path):
    (tmp_path / "subject9").mkdir()
    content = {"video": FRAMES / 255.0, "GT_ppg": WAVE[None, :6], "light": ["LED-low"], "skin_color": [[5]]}
    io.savemat(tmp_path / "subject9/p9_0.mat", content)
    found, frames, label = only(tmp_path, "mmpd")
    np.testing.assert_array_equal(frames[3].pixels, FRAMES[3])
    assert found.meta == {"light": "LED-low", "skin_color": "5"}
    np.testing.assert_allclose(label.times, TIMES, atol=1e-9)


def test_scamps_of_matlab_7_3(tmp_path):
    with h5py.File(tmp_path / "P000012.mat", "w") as file:
        # As MATLAB writes it: the axes are reversed.
        file["Xsub"] = (FRAMES / 255.0).T
        file["d_ppg"] = WAVE[:6][None]
    found, frames, label = only(tmp_path, "scamps")
    assert found.is_cropped
    np.testing.assert_array_equal(frames[2].pixels, FRAMES[2])
    np.testing.assert_allclose(label.wave, WAVE[:6])


def test_ibvp_leaves_out_bad_values(tmp_path):
    pictures(tmp_path / "p01_a/p01_a_rgb", range(6), ".bmp")
    quality = np.ones(60)
    quality[10:20] = 0.1
    wave = np.where(quality < 0.3, 99.0, WAVE)
    np.savetxt(tmp_path / "p01_a/p01_a_bvp.csv", np.column_stack([wave, wave, wave, quality]), delimiter=",")
    found, _, label = only(tmp_path, "ibvp")
    assert found.subject == "p01"
    assert label.wave.max() <= 1


def test_lgi_moves_the_pulse_by_the_cameras_start(tmp_path):
    video(tmp_path / "alex_gym/cv_camera_sensor_stream_handler.avi", 25)
    values = "".join(
        f"<v><timestamp>{100 + k / 60:.6f}</timestamp><value2>{v:.5f}</value2></v>" for k, v in enumerate(WAVE)
    )
    (tmp_path / "alex_gym/cms50_stream_handler.xml").write_text(f"<d>{values}</d>")
    timer = "<d><v><timestamp>100.5</timestamp></v></d>"
    (tmp_path / "alex_gym/cv_camera_sensor_timer_stream_handler.xml").write_text(timer)
    found, _, label = only(tmp_path, "lgi")
    assert (found.subject, found.meta["task"]) == ("alex", "gym")
    assert label.times[0] == pytest.approx(-0.5)
    assert label.times[-1] == pytest.approx(59 / 60 - 0.5, abs=1e-5)


def test_physdrive_labels_last_as_long_as_the_frames(tmp_path):
    pictures(tmp_path / "A1/B2/Align", range(6))
    (tmp_path / "A1/B2/Label").mkdir()
    io.savemat(tmp_path / "A1/B2/Label/BVP.mat", {"BVP": WAVE[None, :12]})
    found, _, label = only(tmp_path, "physdrive")
    assert (found.id, found.is_cropped) == ("A1-B2", True)
    assert label.times[1] == pytest.approx(1 / 60)


@pytest.mark.parametrize(
    ("name", "text", "rate", "step"),
    [
        ("w.csv", "t,bvp\n" + "".join(f"{k / 50},{v}\n" for k, v in enumerate(WAVE)), "", 0.02),
        ("w.csv", "".join(f"{v}\n" for v in WAVE), "100", 0.01),
        ("w.csv", "".join(f"{3 + k / 50},{v}\n" for k, v in enumerate(WAVE)), "", 0.02),
        ("w.csv", "wave\n" + "".join(f"{v}\n" for v in WAVE), "", (5 / 30) / 59),
    ],
)
def test_manifest(tmp_path, name, text, rate, step):
    video(tmp_path / "v.avi")
    (tmp_path / name).write_text(text)
    (tmp_path / "m.csv").write_text(f"path,subject,label_path,label_fs,skin_color\nv.avi,s1,{name},{rate},dark\n")
    found, _, label = only(tmp_path / "m.csv", "manifest")
    assert found.meta == {"skin_color": "dark"}
    assert label.times[1] - label.times[0] == pytest.approx(step, rel=0.01)
    np.testing.assert_allclose(label.wave, WAVE)


def test_a_manifest_may_have_no_labels(tmp_path):
    video(tmp_path / "v.avi")
    (tmp_path / "m.csv").write_text("path,subject\nv.avi,s1\n")
    (found,) = find_recordings(tmp_path / "m.csv", "manifest")
    assert found.read_label is None


def test_recordings_are_in_the_order_of_their_numbers(tmp_path):
    for number in (10, 9, 1):
        video(tmp_path / f"subject{number}/vid.avi")
    assert [one.id for one in find_recordings(tmp_path, "ubfc")] == ["subject1", "subject9", "subject10"]


@pytest.mark.parametrize("kind", ["ubfc", "pure", "cohface", "ubfc-phys", "mmpd", "scamps", "ibvp", "lgi", "physdrive"])
def test_an_empty_folder_is_no_data_set(tmp_path, kind):
    with pytest.raises(InputError, match=f"no recording of the layout {kind} found"):
        find_recordings(tmp_path, kind)
    with pytest.raises(InputError, match="no such folder"):
        find_recordings(tmp_path / "x", kind)


def test_a_mat_file_without_the_array_says_what_it_has(tmp_path):
    (tmp_path / "subject1").mkdir()
    io.savemat(tmp_path / "subject1/p1_0.mat", {"other": np.zeros(3)})
    (found,) = find_recordings(tmp_path, "mmpd")
    with pytest.raises(InputError, match=r"p1_0\.mat: arrays other found; video expected"):
        found.open()
