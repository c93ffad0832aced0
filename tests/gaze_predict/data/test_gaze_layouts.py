"""Data sets of gaze: each layout written and read again, and what is wrong with them said."""

from __future__ import annotations

import dataclasses
import json
import pickle
import shutil

import numpy as np
import pytest

from vision_cli.core.errors import InputError, UsageError
from vision_cli.gaze_predict.data.films import FilmIndex
from vision_cli.gaze_predict.data.opening import open_gaze
from vision_cli.gaze_predict.data.readings import GazeSource, Spoken, sentences
from vision_cli.gaze_predict.data.writing import write_layout
from vision_cli.io.pictures.folders import Findings


@pytest.fixture
def put(tmp_path):
    def write(name, content):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write


def assert_same_path(one, other, *, atol):
    np.testing.assert_allclose(one.points, other.points, atol=atol)
    np.testing.assert_allclose(one.durations, other.durations, atol=1e-5)
    np.testing.assert_allclose(one.onsets - one.onsets[0], other.onsets - other.onsets[0], atol=1e-5)


def by_key(recordings, key):
    found = {key(one): one for one in recordings}
    assert len(found) == len(recordings)
    return found


@pytest.mark.parametrize("layout", ["reflacx", "egd", "gazesearch", "csv"])
def test_a_written_layout_is_recognised_and_reads_back(layout, recordings, tmp_path):
    # What these layouts do not store: pauses, which lists of fixations do not have.
    if layout in {"gazesearch", "csv"}:
        recordings = [
            dataclasses.replace(
                one,
                sentence=one.finding if layout == "gazesearch" else one.sentence,
                path=dataclasses.replace(
                    one.path, onsets=np.cumsum(one.path.durations, dtype=np.float32) - one.path.durations
                ),
            )
            for one in recordings
        ]
    write_layout(tmp_path / "set", layout, recordings)
    found = open_gaze(tmp_path / "set")
    assert found.layout == layout
    assert found.notes == ()
    written = by_key(recordings, lambda one: (one.film.name, one.sentence))
    read = by_key(found.recordings, lambda one: (one.film.name, one.sentence))
    assert set(read) == set(written)
    for key, one in read.items():
        truth = written[key]
        assert_same_path(one.path, truth.path, atol=3e-5)
        np.testing.assert_allclose(one.film.read().pixels, truth.film.read().pixels, atol=0.003)
        assert one.subject == ("" if layout == "gazesearch" else truth.subject)
        assert one.split == (None if layout == "egd" else truth.split)
        assert one.reader == ("" if layout == "egd" else truth.reader)
        assert one.finding == (truth.finding if layout in {"gazesearch", "csv"} else None)
    assert [one.id for one in found.recordings] == sorted(one.id for one in found.recordings)


def test_splits_are_chosen_by_name(recordings, tmp_path):
    write_layout(tmp_path, "reflacx", recordings)
    assert len(open_gaze(tmp_path).recordings) == 9
    assert {one.split for one in open_gaze(tmp_path, split="val").recordings} == {"val"}
    with pytest.raises(UsageError, match="no part 'dev'; train, val, test, all expected"):
        open_gaze(tmp_path, split="dev")


def test_a_patient_in_two_splits_is_refused(recordings, tmp_path):
    leaking = [dataclasses.replace(one, subject="p7") for one in recordings]
    write_layout(tmp_path, "csv", leaking)
    with pytest.raises(InputError, match=r"1 patients are in several splits \(p7: test, train, val\)"):
        open_gaze(tmp_path)


def test_films_in_two_splits_of_gazesearch_are_noted(recordings, tmp_path):
    mixed = [dataclasses.replace(one, split="test") if one.id == "filma-0" else one for one in recordings]
    write_layout(tmp_path, "gazesearch", mixed)
    assert open_gaze(tmp_path).notes[0].startswith("1 of 3 films are in several splits, as published")


def reflacx(put, fixations, words="word,timestamp_start_word,timestamp_end_word\r\nclear,3,4\r\n.,4,4\r\n", **columns):
    row = {"id": "P1", "split": "train", "eye_tracking_data_discarded": "False", "image": "files/x.dcm"}
    row |= {"dicom_id": "x", "subject_id": "s1", "image_size_x": "1000", "image_size_y": "2000"} | columns
    put("main_data/metadata_phase_2.csv", ",".join(row) + "\r\n" + ",".join(row.values()) + "\r\n")
    head = "timestamp_start_fixation,timestamp_end_fixation,x_position,y_position\r\n"
    put("main_data/P1/fixations.csv", head + "\r\n".join(fixations) + "\r\n")
    return put("main_data/P1/timestamps_transcription.csv", words).parents[2]


def test_fixations_overlap_the_sentence_with_its_lead_in(put):
    rows = ["0,1,100,100", "1.2,1.6,200,200", "2,2.2,1100,5", "3.5,4.5,300,1000", "4.6,5,400,400"]
    root = reflacx(put, rows)
    found = open_gaze(root)
    (one,) = found.recordings
    np.testing.assert_allclose(one.path.points, [[0.2, 0.1], [0.3, 0.5]], atol=1e-6)
    np.testing.assert_allclose(one.path.onsets, [1.2, 3.5])
    assert (one.sentence, one.id, one.subject, one.film) == ("clear.", "P1/01", "s1", None)
    assert found.notes == (
        "1 fixations beside the film were dropped.",
        "The films of 1 of 1 recordings are not at hand.",
    )
    assert len(open_gaze(root, lead_in=3).recordings[0].path) == 3


def test_a_degree_is_a_part_of_the_width(put):
    root = reflacx(put, [])
    head = (
        "timestamp_start_fixation,timestamp_end_fixation,x_position,y_position,angular_resolution_x_pixels_per_degree"
    )
    put("main_data/P1/fixations.csv", f"{head}\n3,3.5,4,9,40\n3.5,4,4,9,60\n")
    assert open_gaze(root).recordings[0].degree == pytest.approx(0.05)


def test_bad_fixations_are_dropped_and_named(put):
    root = reflacx(put, ["3,3.5,nan,100", "3.6,3.5,100,100", "3.6,3.9,100,100"])
    found = open_gaze(root)
    assert len(found.recordings[0].path) == 1
    assert "1 left out (a position that is no number): fixation 1 of P1." in found.notes
    assert "1 left out (a negative duration): fixation 2 of P1." in found.notes
    with pytest.raises(InputError, match="fixation 1 of P1: a position that is no number"):
        open_gaze(root, strict=True)


@pytest.mark.parametrize(
    ("rows", "columns", "message"),
    [
        (["3,3.5,-5,100"], {}, "nothing of the layout reflacx can be used.*no fixation inside the film"),
        (["3,3.5,0.4,0.9"], {}, "positions up to 0.9; pixels of a film of 1000 × 2000 expected"),
        (["3,3.5,4,9"], {"id": "P2"}, "no folder with fixations.csv"),
        (["3,3.5,4,9"], {"id": "../P1"}, "no folder with fixations.csv"),
        (["3,3.5,4,9"], {"eye_tracking_data_discarded": "True"}, "1 readings .* have no eye tracking"),
        (["9,9.5,4,9"], {}, "no fixation while it was said"),
        (["3,3.5,4,9"], {"split": "dev"}, "split 'dev'; train, .* expected"),
    ],
)
def test_readings_that_cannot_be_used(put, rows, columns, message):
    with pytest.raises(InputError, match=message):
        open_gaze(reflacx(put, rows, **columns))


def test_missing_columns_are_listed_with_those_found(put):
    root = reflacx(put, ["3,3.5,4,9"])
    put("main_data/P1/fixations.csv", "x_position,y_position\n1,2\n")
    with pytest.raises(InputError, match=r"columns x_position, y_position; timestamp_start_fixation, .* needed too"):
        open_gaze(root)


def test_a_dictation_without_punctuation_is_one_sentence(put):
    words = "word,timestamp_start_word,timestamp_end_word\nlungs,3,4\nclear,4,5\n"
    found = open_gaze(reflacx(put, ["3,3.5,4,9"], words))
    assert [one.sentence for one in found.recordings] == ["lungs clear"]
    assert "1 readings without punctuation are one sentence each, as P1." in found.notes


def test_sentences_end_at_punctuation_but_not_within_numbers(tmp_path):
    source = GazeSource(FilmIndex(None), Findings())
    words = [
        Spoken(word, n, n + 1) for n, word in enumerate(("a", "1.5", "cm", "nodule", ",", "left", ".", ".", "no?"))
    ]
    said = sentences(source, "r", words)
    assert [(one.text, one.start, one.end) for one in said] == [("a 1.5 cm nodule, left.", 0, 7), ("no?", 8, 9)]


def egd(put, header, rows, pads="240,240,0,0"):
    put(
        "master_sheet.csv",
        f"dicom_id,patient_id,image_left_pad,image_right_pad,image_top_pad,image_bottom_pad\nd1,9,{pads}\n",
    )
    said = [{"phrase": "no", "begin_time": 1, "end_time": 2}, {"phrase": "effusion.", "begin_time": 2, "end_time": 3}]
    put("audio_segmentation_transcripts/d1/transcript.json", {"full_text": "", "time_stamped_text": said})
    return put("eye_gaze.csv", "\n".join([header, *rows]) + "\n").parent


def test_the_last_row_of_a_fixation_counts_across_pieces(put, monkeypatch):
    monkeypatch.setattr("vision_cli.gaze_predict.data.layouts.egd._ROWS", 2)
    rows = ["d1,0.5,0.5,1.0,0.1,1,1", "d1,0.5,0.5,1.0,0.2,1,1", "d1,0.6,0.5,1.0,0.3,1,1", "d1,0.2,0.2,1.4,0.1,2,0"]
    found = open_gaze(egd(put, "DICOM_ID,FPOGX,FPOGY,FPOGS,FPOGD,FPOGID,FPOGV", rows))
    (one,) = found.recordings
    np.testing.assert_allclose(one.path.points, [[(0.6 * 1920 - 240) / 1440, 0.5]], atol=1e-6)
    np.testing.assert_allclose(one.path.durations, [0.3], atol=1e-6)
    assert (one.sentence, one.subject, one.id) == ("no effusion.", "9", "d1/01")


def test_egd_without_pads_takes_pixels_of_the_film(put, recordings, tmp_path):
    root = egd(put, "DICOM_ID,FPOGX,FPOGY,FPOGS,FPOGD,FPOGID,X_ORIGINAL,Y_ORIGINAL", ["d1,0,0,1,1,1,12,30"], ",,,")
    with pytest.raises(InputError, match=r"no image_left_pad, .* nor X_ORIGINAL and a film of known size"):
        open_gaze(root)
    film = dataclasses.replace(recordings[0], film=type(recordings[0].film)("d1", (60, 48)))
    write_layout(tmp_path / "films", "csv", [film])
    (one,) = open_gaze(root, images=tmp_path / "films").recordings
    np.testing.assert_allclose(one.path.points, [[0.25, 0.5]])


def test_egd_without_columns_lists_them(put):
    root = egd(put, "DICOM_ID,X,Y", ["d1,1,2"])
    with pytest.raises(InputError, match="columns DICOM_ID, X, Y; FPOGX, FPOGY, FPOGS, FPOGD, FPOGID needed too"):
        open_gaze(root)


def test_mimic_eye_joins_both_parts_by_patient(recordings, tmp_path):
    write_layout(tmp_path / "a", "reflacx", recordings[:3])
    write_layout(tmp_path / "b", "egd", recordings[3:6])
    patients = tmp_path / "mimic-eye" / "mimic-eye"
    shutil.move(tmp_path / "a" / "main_data", patients / "patient_1" / "REFLACX" / "main_data")
    metadata = patients / "patient_1" / "REFLACX" / "main_data" / "metadata_phase_1.csv"
    metadata.rename(metadata.parents[1] / "metadata.csv")
    shutil.move(tmp_path / "a" / "images", patients / "patient_1" / "CXR-JPG")
    shutil.move(tmp_path / "b", patients / "patient_2" / "EyeGaze")
    found = open_gaze(tmp_path / "mimic-eye")
    assert found.layout == "mimic-eye"
    assert {one.film.name for one in found.recordings} == {"filma", "filmb"}
    assert {one.subject for one in found.recordings} == {"p1", "p2"}
    assert len(found.recordings) == 6


def test_the_pickle_of_cxr_p_is_read_as_data(tmp_path):
    points = {"study1/series/f1.dcm": [(0.2, 0.4, 3.0), (1.2, 0.1, 1.0)], "study2/series/f2.dcm": [(0.5, 0.5, 2.0)]}
    (tmp_path / "cxr_p.pkl").write_bytes(pickle.dumps(points))
    found = open_gaze(tmp_path)
    assert found.layout == "cxr-p"
    assert [(one.id, one.sentence, one.subject) for one in found.recordings] == [
        ("f1", "", "study1"),
        ("f2", "", "study2"),
    ]
    np.testing.assert_allclose(found.recordings[0].path.points, [[0.2, 0.4]])
    assert np.isnan(found.recordings[0].path.durations).all()
    (tmp_path / "cxr_p.pkl").write_bytes(pickle.dumps(print))
    with pytest.raises(InputError, match=r"names builtins\.print, which is no data"):
        open_gaze(tmp_path)


def test_a_table_of_ones_own(put, recordings, tmp_path):
    write_layout(tmp_path / "films", "csv", recordings[:1])
    head = "image;text;x;y;duration;order\n"
    table = put("own/own.csv", f"{head}filma.png;Clear.;24;30;0.2;2\nfilma.png;Clear.;12;30;0.3;1\n")
    (one,) = open_gaze(table, images=tmp_path / "films").recordings
    np.testing.assert_allclose(one.path.points, [[0.25, 0.5], [0.5, 0.5]])
    np.testing.assert_allclose(one.path.durations, [0.3, 0.2])
    assert (one.id, one.subject, one.sentence) == ("filma/01", "filma", "Clear.")
    with pytest.raises(InputError, match="no film to tell the size of, in pixels"):
        open_gaze(table)
    put("own/own.csv", f"{head}filma.png;Clear.;0.5;0.5;0.2;2\n")
    (one,) = open_gaze(table, coords="unit").recordings
    np.testing.assert_allclose(one.path.points, [[0.5, 0.5]])
    put("own/own.csv", "image,text,x\na,b,1\n")
    with pytest.raises(InputError, match="columns image, text, x; y, duration needed too"):
        open_gaze(table, "csv")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", "no list of scan paths"),
        ('[{"name": "a"}]', "entry 1 has name; name, task, X, Y, T needed"),
        ('[{"name": "a", "task": "b", "X": [1], "Y": [1, 2], "T": [1]}]', "X, Y, T of other lengths or no numbers"),
        ('[{"name": "a", "task": "b", "X": [0.5], "Y": [0.2], "T": [1]}]', "positions up to 0.5; pixels"),
        ("[{", "damaged JSON"),
    ],
)
def test_damaged_gazesearch(put, content, message):
    with pytest.raises(InputError, match=message):
        open_gaze(put("g.json", content), "gazesearch")


def test_what_is_no_data_set(tmp_path, recordings):
    with pytest.raises(InputError, match="no such file or folder"):
        open_gaze(tmp_path / "none")
    with pytest.raises(InputError, match=r"no known layout of a data set\. Looked for reflacx: main_data"):
        open_gaze(tmp_path)
    with pytest.raises(UsageError, match="layout 'egt'; auto, reflacx, egd"):
        open_gaze(tmp_path, "egt")
    with pytest.raises(UsageError, match="layout 'coco'; reflacx, egd, gazesearch, csv expected"):
        write_layout(tmp_path, "coco", recordings)
    with pytest.raises(InputError, match="no film or no fixation"):
        write_layout(tmp_path, "csv", [dataclasses.replace(recordings[0], film=None)])
