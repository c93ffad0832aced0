"""Every layout, made small and read: labels, parts, persons, action units, and what is left out."""

from __future__ import annotations

import io
import json
import tarfile

import cv2
import numpy as np
import pytest

from vision_cli.core.errors import InputError, UsageError
from vision_cli.io.videos.videos import VideoWriter
from vision_cli.synth_faces.data.layouts.ferplus import majority
from vision_cli.synth_faces.data.layouts.tables import read_au_table
from vision_cli.synth_faces.data.opening import LAYOUTS, open_faces
from vision_cli.synth_faces.values import AUS, EXPRESSIONS


@pytest.fixture
def put(tmp_path, draw):
    """Write a small picture or a text below the test's folder."""

    def write(name, content=None):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            cv2.imwrite(str(path), draw(len(name)))
        elif isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content, encoding="utf-8")
        return path

    return write


def npy(value):
    stream = io.BytesIO()
    np.save(stream, value)
    return stream.getvalue()


def labels_of(found):
    return {face.name: face.expression for face in found.faces}


def test_affectnet_of_2021(put, tmp_path):
    for number, value in enumerate((np.array("1"), np.array(6.0), np.array(7), np.array("8"))):
        put(f"val_set/images/{number}.jpg")
        put(f"val_set/annotations/{number}_exp.npy", npy(value))
    put("train_set/images/9.jpg")
    put("train_set/annotations/9_exp.npy", npy(np.array("0")))
    found = open_faces(tmp_path)
    assert found.layout == "affectnet"
    assert labels_of(found) == {"val_set/0": "happiness", "val_set/1": "anger", "val_set/2": "contempt"}
    assert [(skip.reason, skip.is_damage) for skip in found.skipped] == [("none of the expressions", False)]
    assert "The part val was read; there is also train." in found.notes
    assert [face.split for face in open_faces(tmp_path, split="train").faces] == ["train"]
    assert len(open_faces(tmp_path, split="all").faces) == 4
    with pytest.raises(UsageError, match="no part 'test'"):
        open_faces(tmp_path, split="test")


def test_affectnet_never_loads_a_pickle(put, tmp_path):
    stream = io.BytesIO()
    np.save(stream, np.array({"a": 1}, dtype=object), allow_pickle=True)
    for number, content in enumerate((stream.getvalue(), b"x", npy(np.zeros(3)), npy(np.array("99")))):
        put(f"val_set/images/{number}.jpg")
        put(f"val_set/annotations/{number}_exp.npy", content)
    put("val_set/images/8.jpg")
    put("val_set/images/9.jpg")
    put("val_set/annotations/9_exp.npy", npy(np.array("2")))
    with pytest.raises(InputError, match="5 of 6 entries cannot be used, the first val_set/0"):
        open_faces(tmp_path)
    found = open_faces(tmp_path, allow_skips=True)
    assert labels_of(found) == {"val_set/9": "sadness"}
    assert "expression 99; 0 to 10 expected" in [skip.reason for skip in found.skipped]
    with pytest.raises(InputError, match=r"without --strict|damaged"):
        open_faces(tmp_path, strict=True)


HEADER = "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,arousal\n"


@pytest.mark.parametrize("header", [HEADER, ""])
def test_affectnet_of_the_first_version_cuts_faces_out(put, tmp_path, header):
    put("Manually_Annotated_Images/1/a.jpg")
    put("Manually_Annotated_Images/1/b.jpg")
    put(
        "validation.csv",
        f'{header}1/a.jpg,2,3,4,5,"0.1;0.2",3,-2,-2\n1/b.jpg,0,0,0,0,,0,0.1,0.2\n1/c.jpg,0,0,1,1,,10,-2,-2\n',
    )
    found = open_faces(tmp_path)
    assert found.layout == "affectnet-csv"
    assert labels_of(found) == {"1/a.jpg": "surprise", "1/b.jpg": "neutral"}
    assert [face.source.read().shape for face in found.faces] == [(5, 4, 3), (12, 10, 3)]
    assert [(skip.name, skip.reason, skip.is_damage) for skip in found.skipped] == [("1/c.jpg", "no face", False)]


@pytest.mark.parametrize(
    ("folder", "named"), [("", "anger/i.jpg"), ("Train/", "anger/i.jpg"), ("Train/", "Train/anger/i.jpg")]
)
def test_affectnet_as_a_repack(put, tmp_path, folder, named):
    put(f"{folder}anger/i.jpg")
    put("labels.csv", f",pth,label,relFCs\n0,{named},anger,0.87\n")
    (face,) = open_faces(tmp_path).faces
    assert (face.expression, face.split) == ("anger", "train" if folder else None)


def test_rafdb(put, tmp_path):
    words = ["surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral"]
    for number in range(1, 8):
        put(f"basic/Image/aligned/test_{number:05}_aligned.jpg")
    put("basic/Image/aligned/train_00001_aligned.jpg")
    lines = ["train_00001.jpg 5", *(f"test_{number:05}.jpg {number}" for number in range(1, 8))]
    put("basic/EmoLabel/list_patition_label.txt", "\n".join(lines))
    found = open_faces(tmp_path)
    assert labels_of(found) == {f"test_{number:05}": word for number, word in enumerate(words, 1)}
    assert labels_of(open_faces(tmp_path / "basic", split="train")) == {"train_00001": "sadness"}
    put(
        "basic/EmoLabel/list_patition_label.txt",
        "\n".join([*lines, "test_00008.jpg 8", "../x.jpg 1", "test_00009.jpg 1"]),
    )
    reasons = {skip.name: skip.reason for skip in open_faces(tmp_path, allow_skips=True).skipped}
    assert reasons == {
        "test_00008.jpg": "label '8'; 1 to 7 expected",
        "../x.jpg": "name of neither train_ nor test_",
        "test_00009": "no file test_00009_aligned.jpg",
    }


def test_rafdb_as_a_repack(put, tmp_path):
    for number in range(1, 8):
        put(f"DATASET/train/{number}/train_{number}.jpg")
        put(f"DATASET/test/{number}/test_{number}.jpg")
    found = open_faces(tmp_path)
    assert found.layout == "rafdb-repack"
    assert labels_of(found)["test/4/test_4"] == "happiness"
    assert {face.split for face in found.faces} == {"test"}


def test_rafau(put, tmp_path):
    put("aligned/0001_aligned.jpg")
    put("aligned/0002.jpg")
    put("RAFAU_label.txt", "0001.jpg 1+L4+25+43\n0002.jpg null\n")
    found = open_faces(tmp_path)
    one, none = found.faces
    assert {name for name, value in one.aus.items() if value} == {"1", "L1", "R1", "4", "L4", "25"}
    assert one.aus["R4"] == one.aus["12"] == 0
    assert not any(none.aus.values())
    assert not one.has_intensities
    assert "AU 43 left out: none of the 41." in found.notes


VOTES = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF\n"


def test_ferplus_tables_belong_together(put, tmp_path):
    pixels = [np.random.default_rng(n).integers(0, 256, 48 * 48) for n in range(4)]
    usages = ("Training", "PrivateTest", "PrivateTest", "PrivateTest")
    rows = "".join(f"0,{' '.join(map(str, one))},{usage}\n" for one, usage in zip(pixels, usages, strict=True))
    put("fer2013.csv", f"emotion,pixels,Usage\n{rows}")
    votes = (
        "Training,fer0000000.png,10,0,0,0,0,0,0,0,0,0",
        "PrivateTest,fer0000001.png,1,7,0,0,0,0,2,0,0,0",
        "PrivateTest,,0,0,0,0,0,0,0,0,0,10",
        "PrivateTest,fer0000003.png,0,4,0,4,0,0,2,0,0,0",
    )
    put("fer2013new.csv", VOTES + "\n".join(votes))
    found = open_faces(tmp_path)
    (face,) = found.faces
    assert (face.name, face.expression, face.split) == ("fer0000001", "happiness", "test")
    assert face.votes == {"neutral": 0.1, "happiness": 0.7, "fear": 0.2}
    assert np.array_equal(face.source.read()[..., 0].ravel(), pixels[1])
    assert [(skip.name, skip.reason) for skip in found.skipped] == [
        ("row 3", "no face"),
        ("fer0000003", "no majority of votes"),
    ]
    put("fer2013new.csv", VOTES + votes[0])
    with pytest.raises(InputError, match=r"1 rows; the 4 of fer2013\.csv expected"):
        open_faces(tmp_path)


def test_a_majority_is_more_than_half_single_votes_aside():
    assert majority([0, 5, 1, 1, 1, 1, 1, 0, 0, 0]) == "happiness"
    assert majority([5, 5, 0, 0, 0, 0, 0, 0, 0, 0]) is None
    assert majority([1] * 10) is None


def test_ferplus_in_folders(put, tmp_path):
    put("FER2013Test/fer0.png")
    put("FER2013Test/label.csv", 'fer0.png,"(0, 0, 48, 48)",0,0,0,0,9,1,0,0,0,0\n')
    (face,) = open_faces(tmp_path).faces
    assert (face.expression, face.split) == ("anger", "test")


def test_ckplus(put, tmp_path):
    for frame in (1, 2, 11):
        put(f"cohn-kanade-images/S005/001/S005_001_{frame:08}.png")
    put("Emotion/S005/001/S005_001_00000011_emotion.txt", "   3.0000000e+00\n")
    put("FACS/S005/001/S005_001_00000011_facs.txt", "   9.0000000e+00   5.0000000e+00\n   1.7000000e+01 4.0e+00\n")
    put("cohn-kanade-images/S010/002/S010_002_00000001.png")
    put("cohn-kanade-images/S010/002/S010_002_00000003.png")
    put("FACS/S010/002/S010_002_00000003_facs.txt", "1.2e+01 0.0\n43 3\n")
    found = open_faces(tmp_path)
    assert [face.expression for face in found.faces] == ["neutral", "disgust", "neutral", None]
    peak, other = found.faces[1], found.faces[3]
    assert (peak.subject, peak.has_intensities) == ("S005", True)
    assert {unit: value for unit, value in peak.aus.items() if value} == {"9": 5, "17": 4}
    assert (other.aus["12"], other.aus["1"], other.has_intensities) == (5, 0, False)
    assert "AU 43 left out: none of the 41." in found.notes


def test_ckplus_as_a_repack_knows_the_person(put, tmp_path):
    put("CK+48/happy/S010_006_00000013.png")
    put("CK+48/anger/S011_004_00000019.png")
    found = open_faces(tmp_path / "CK+48")
    assert [(face.expression, face.subject) for face in found.faces] == [("anger", "S011"), ("happiness", "S010")]


def test_disfa_reads_frames_of_videos(put, tmp_path, draw):
    (tmp_path / "Videos_LeftCamera").mkdir()
    frames = [draw(number, (32, 48)) for number in range(4)]
    with VideoWriter(tmp_path / "Videos_LeftCamera/LeftVideoSN001_comp.avi", (32, 48), codec="raw", fps=20) as writer:
        for frame in frames:
            writer.write(frame)
    for unit in (1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26):
        put(
            f"ActionUnit_Labels/SN001/SN001_au{unit}.txt",
            "".join(f"{n},{n if unit == 12 else 0}\n" for n in (1, 2, 3, 4, 5)),
        )
    found = open_faces(tmp_path)
    assert [face.aus["12"] for face in found.faces] == [1, 2, 3, 4, 5]
    assert found.faces[0].has_intensities
    assert found.faces[0].subject == "SN001"
    for index in (0, 1, 3, 2):
        assert np.array_equal(found.faces[index].source.read(), frames[index])
    with pytest.raises(InputError, match="no frame 5"):
        found.faces[4].source.read()
    (tmp_path / "ActionUnit_Labels/SN001/SN001_au26.txt").unlink()
    found = open_faces(tmp_path, allow_skips=True)
    assert [skip.name for skip in found.skipped] == ["SN001 AU 26"]
    assert "26" not in found.faces[0].aus


def test_bp4d(put, tmp_path):
    put("Sequences/F001/T1/0001.jpg")
    put("Sequences/F001/T1/0002.jpg")
    put("AU_OCC/F001_T1.csv", "0,1,12,99\n1,1,0,0\n2,9,1,0\n")
    put("AU_INT/AU12/F001_T1_AU12.csv", "1,3\n2,9\n")
    one, two = open_faces(tmp_path).faces
    assert (one.name, one.subject, one.aus, two.aus) == ("F001/T1/0001", "F001", {"1": 5.0, "12": 0.0}, {"12": 5.0})
    (only,) = open_faces(tmp_path, "bp4d-intensity").faces
    assert (only.aus, only.has_intensities) == ({"12": 3.0}, True)
    put("AU_OCC/F001_T1.csv", "0,1\n1,1\n2,1\n3,1\n")
    with pytest.raises(InputError, match="1 of 3 entries cannot be used, the first F001/T1/0003"):
        open_faces(tmp_path)


SFEW = ("Angry", "Disgust", "Fear", "Happy", "Neutral", "Sad", "Surprise")


@pytest.mark.parametrize("inner", ["", "Val_Aligned_Faces/"])
def test_sfew(put, tmp_path, inner):
    for word in SFEW:
        put(f"Train/{word}/a.png")
        put(f"Val/{inner}{word}/b.png")
    found = open_faces(tmp_path)
    assert found.layout == "sfew"
    assert {face.split for face in found.faces} == {"val"}
    assert {face.expression for face in found.faces} == set(EXPRESSIONS[:-1])


def test_fetext_of_pictures(put, tmp_path):
    put("images/a.jpg")
    put("images/b.jpg")
    put("captions.json", json.dumps([{"images/a.jpg": "a  happy man"}, {"images/b.jpg": "a woman"}]))
    put("fau_labels.json", json.dumps({"a.jpg": " ".join("1" if name == "12" else "0" for name in AUS)}))
    one, two = open_faces(tmp_path).faces
    assert (one.caption, one.aus["12"], one.aus["L14"], len(one.aus)) == ("a happy man", 5, 0, 41)
    assert (two.caption, dict(two.aus)) == ("a woman", {})
    put("fau_labels.json", json.dumps({"a.jpg": "1 0 1"}))
    assert open_faces(tmp_path, allow_skips=True).skipped[0].reason == "3 action units; 41 of 0 or 1 expected"


def test_fetext_of_parquet(tmp_path, draw):
    import pyarrow as pa
    from pyarrow import parquet

    contents = [cv2.imencode(".png", draw(number)[..., ::-1])[1].tobytes() for number in range(3)]
    rows = {"image": [{"bytes": content, "path": "x"} for content in contents], "caption": ["one", "two", None]}
    (tmp_path / "data").mkdir()
    parquet.write_table(pa.table(rows), tmp_path / "data/train-00000.parquet", row_group_size=2)
    found = open_faces(tmp_path)
    assert found.layout == "fetext-parquet"
    assert [face.caption for face in found.faces] == ["one", "two", ""]
    for number in (2, 0, 1):
        assert np.array_equal(found.faces[number].source.read(), draw(number))
    (tmp_path / "data/train-00000.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match="damaged"):
        open_faces(tmp_path)


def test_imagefolder_with_unknown_classes(put, tmp_path):
    for name in ("happy/a.png", "Angry/sub/b.png", "awed/c.png"):
        put(name)
    found = open_faces(tmp_path)
    assert labels_of(found) == {"Angry/sub/b.png": "anger", "happy/a.png": "happiness"}
    assert [(skip.name, skip.is_damage) for skip in found.skipped] == [("awed/c.png", False)]
    put("cats/d.png")
    with pytest.raises(InputError, match=r"1 of 3 entries.*cats/d\.png \(class 'cats' is none"):
        open_faces(tmp_path)


def test_portraits_are_pairs_of_persons(put, tmp_path):
    for name in ("neutral/001_03.jpg", "neutral/002_03.jpg", "smiling/001_08.jpg"):
        put(name)
    put("neutral/001_03.tem", "189\n")
    found = open_faces(tmp_path)
    assert found.layout == "portraits"
    assert [(face.subject, face.expression) for face in found.faces] == [
        ("001", "neutral"),
        ("001", "happiness"),
        ("002", "neutral"),
    ]


def test_pictures_without_labels_are_read_where_they_are_asked_for(put, tmp_path):
    for name in ("b.png", "deep/er/a.jpg", ".hidden/c.png"):
        put(name)
    with pytest.raises(InputError, match="no known layout of a data set"):
        open_faces(tmp_path)
    for found in (open_faces(tmp_path, plain=True), open_faces(tmp_path, "pictures")):
        assert [(face.name, face.expression) for face in found.faces] == [("b.png", None), ("deep/er/a.jpg", None)]
    (alone,) = open_faces(tmp_path / "deep/er/a.jpg", plain=True).faces
    assert (alone.name, alone.aus) == ("a.jpg", {})
    put("labelled/happy/d.png")
    assert open_faces(tmp_path / "labelled", plain=True).layout == "imagefolder"


def test_the_real_portraits_are_51_pairs(real_portraits):
    found = open_faces(real_portraits)
    pairs = {(face.subject, face.expression) for face in found.faces}
    both = {subject for subject, _ in pairs if (subject, "neutral") in pairs and (subject, "happiness") in pairs}
    assert len(both) == 51
    assert found.skipped == ()
    assert min(found.faces[0].source.read().shape[:2]) > 600


def test_csv(put, tmp_path):
    put("pictures/a.jpg")
    put("pictures/b.jpg")
    table = put(
        "faces.csv",
        "file,label,AU12,AUL14,subject,split,caption\n"
        "pictures/a.jpg,Happy,3.5,,ann,test,a smile\n"
        "pictures/b.jpg,,0,2,bob,train,\n",
    )
    (face,) = open_faces(table).faces
    assert (face.expression, face.aus, face.subject) == ("happiness", {"12": 3.5}, "ann")
    assert (face.has_intensities, face.split, face.caption) == (True, "test", "a smile")
    assert open_faces(table, split="train").faces[0].aus == {"12": 0.0, "L14": 2.0}
    table.write_text("file,label\n../x.jpg,happy\npictures/a.jpg,3\npictures/b.jpg,sad\n", encoding="utf-8")
    found = open_faces(table, allow_skips=True)
    assert [skip.reason for skip in found.skipped] == [
        "a name below the folder of the table expected",
        "class '3' is none of the basic expressions",
    ]


@pytest.mark.parametrize(
    ("text", "tool", "aus", "intense"),
    [
        (
            "frame, confidence, success, AU06_r, AU12_r, AU12_c\n1, 0.9, 1, 0.5, 5.4, 1\n",
            "openface",
            {"6": 0.5, "12": 5.0},
            True,
        ),
        ("input,frame,AU06,AU12,anger\nx/a.jpg,0,0.4,0.9,0.1\n", "py-feat", {"6": 0.0, "12": 5.0}, False),
        ("input,frame,AU06,AU12\nx/a.jpg,0,0.4,2.5\n", "py-feat", {"6": 0.4, "12": 2.5}, True),
        ("frame_idx,au_6_intensity,au_12_intensity,au_12\n0,1.5,2,1\n", "libreface", {"6": 1.5, "12": 2.0}, True),
    ],
)
def test_tables_of_action_units(put, text, tool, aus, intense):
    found = read_au_table(put("a.csv", text))
    assert (found.tool, found.rows[0].aus, found.has_intensities) == (tool, aus, intense)
    assert found.rows[0].frame == 0


def test_a_table_of_action_units_has_its_pictures_beside_it(put, tmp_path):
    put("a.jpg")
    table = put("units.csv", "input,AU06,AU12\n/data/somewhere/a.jpg,0.4,0.9\nb.jpg,1,1\n")
    found = open_faces(table, allow_skips=True)
    assert found.faces[0].aus == {"6": 0.0, "12": 5.0}
    assert [skip.reason for skip in found.skipped] == ["no file b.jpg"]
    lost = put("of.csv", "frame,success,AU06_r,AU12_r\n1,0,0,0\n2,1,1,1\n")
    with pytest.raises(InputError, match="no face of the layout au-table"):
        open_faces(lost)
    put("bad.csv", "input,AU06,AU12\na.jpg,x,1\n")
    with pytest.raises(InputError, match="row 1 has an action unit that is no number"):
        open_faces(tmp_path / "bad.csv")


def test_webdataset_of_others(tmp_path, draw):
    (tmp_path / "classes.json").write_text('["happy", "sad"]', encoding="utf-8")
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for name, content in (
            ("v1.0/x.png", cv2.imencode(".png", draw(3)[..., ::-1])[1].tobytes()),
            ("v1.0/x.cls", b"1"),
            ("v1.0/y.cls", b"0"),
        ):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    found = open_faces(tmp_path, allow_skips=True)
    assert labels_of(found) == {"v1.0/x": "sadness"}
    assert np.array_equal(found.faces[0].source.read(), draw(3))
    assert found.skipped[0].reason == "no picture in a.tar"


def test_what_is_no_data_set_is_said(tmp_path):
    with pytest.raises(InputError, match="no such file or folder"):
        open_faces(tmp_path / "none")
    with pytest.raises(InputError, match="Looked for generated: manifest"):
        open_faces(tmp_path)
    with pytest.raises(UsageError, match="layout 'rafbd'"):
        open_faces(tmp_path, "rafbd")
    with pytest.raises(InputError, match="no face of the layout imagefolder can be used, 0 left out"):
        open_faces(tmp_path, "imagefolder")


def test_layouts_have_names_of_their_own():
    assert len({layout.name for layout in LAYOUTS}) == len(LAYOUTS)


def test_a_file_is_no_folder_of_a_data_set(put):
    with pytest.raises(InputError, match="a file; the folder of the layout imagefolder expected"):
        open_faces(put("a.csv", "file,label\n"), "imagefolder")


def test_hostile_names_and_claims_are_left_out(put, tmp_path):
    long = "x" * 6000
    table = put("a.csv", f"file,label\n{long},happy\n/etc/hosts,happy\nb.jpg,sad\nshort\n")
    put("b.jpg")
    found = open_faces(table, allow_skips=True)
    assert labels_of(found) == {"b.jpg": "sadness"}
    assert len(found.skipped) == 3
    claim = b"{'descr':'<f8','fortran_order':False,'shape':(10000000000,)}".ljust(117) + b"\n"
    put("val_set/images/0.jpg")
    put("val_set/annotations/0_exp.npy", b"\x93NUMPY\x01\x00\x76\x00" + claim)
    with pytest.raises(InputError, match="80000000000 bytes by its header expected"):
        open_faces(tmp_path, "affectnet")
