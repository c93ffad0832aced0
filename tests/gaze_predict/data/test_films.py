"""Films of DICOM and picture files."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from vision_cli.core.errors import InputError
from vision_cli.gaze_predict.data.films import FilmIndex, film_size, film_source, is_film, looks_inverted, read_film


@pytest.fixture
def put_dicom(tmp_path, made_film):
    """Write a DICOM film of 12 bits, brightest where dense, with tags of the test."""
    dense = (made_film("film", (64, 48)).read().pixels * 4000).astype(np.int64)

    def write(name="film.dcm", values=None, **tags):
        values = dense if values is None else values
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
        meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=["film"])
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        item = Dataset()
        item.file_meta = meta
        item.SOPClassUID, item.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
        item.PatientName, item.Modality = "Doe^Jane", "DX"
        item.Rows, item.Columns, item.SamplesPerPixel = *values.shape[-2:], 1
        item.BitsAllocated, item.BitsStored, item.HighBit = 16, 12, 11
        item.PixelRepresentation, item.PhotometricInterpretation = 0, "MONOCHROME2"
        for key, value in tags.items():
            setattr(item, key, value)
        item.PixelData = values.astype("<i2" if item.PixelRepresentation else "<u2").tobytes()
        path = tmp_path / name
        item.save_as(path, enforce_file_format=True)
        return path, dense

    return write


def test_without_a_window_the_stored_bits_are_the_grey_levels(put_dicom):
    path, dense = put_dicom()
    film = read_film(path)
    np.testing.assert_allclose(film.pixels, dense / 4095, atol=1e-6)
    assert (film.name, film.notes, film_size(path)) == ("film", (), (48, 64))


@pytest.mark.parametrize("rescaling", [{}, {"RescaleSlope": 2, "RescaleIntercept": -1024}, {"RescaleSlope": 0.5}])
def test_monochrome1_is_inverted_after_its_window(put_dicom, rescaling):
    stored = put_dicom()[1]
    slope, intercept = rescaling.get("RescaleSlope", 1), rescaling.get("RescaleIntercept", 0)
    tags = {"WindowCenter": slope * 900 + intercept, "WindowWidth": 1500 * slope + 1}
    tags |= {"RescaleIntercept": intercept, "RescaleSlope": slope} if rescaling else {}
    plain = read_film(put_dicom("plain.dcm", **tags)[0]).pixels
    inverted = read_film(put_dicom("inverted.dcm", PhotometricInterpretation="MONOCHROME1", **tags)[0]).pixels
    expected = np.clip((slope * stored + intercept - tags["WindowCenter"] + 0.5) / (1500 * slope) + 0.5, 0, 1)
    np.testing.assert_allclose(plain, expected, atol=1e-5)
    np.testing.assert_allclose(inverted, 1 - expected, atol=1e-5)


def test_signed_pixels(put_dicom):
    dense = put_dicom()[1]
    path, _ = put_dicom(values=dense - 2048, PixelRepresentation=1)
    np.testing.assert_allclose(read_film(path).pixels, dense / 4095, atol=1e-6)
    path, _ = put_dicom(values=dense - 2048, PixelRepresentation=1, PhotometricInterpretation="MONOCHROME1")
    with pytest.raises(InputError, match="signed pixels of MONOCHROME1"):
        read_film(path)


def test_the_presentation_table_inverts_once_only(put_dicom):
    path, dense = put_dicom(PhotometricInterpretation="MONOCHROME1", PresentationLUTShape="INVERSE")
    np.testing.assert_allclose(read_film(path).pixels, 1 - dense / 4095, atol=1e-6)
    path, dense = put_dicom(PresentationLUTShape="INVERSE")
    np.testing.assert_allclose(read_film(path).pixels, 1 - dense / 4095, atol=1e-6)


def test_a_look_up_table_goes_before_a_window_and_the_first_window_before_others(put_dicom):
    item = Dataset()
    item.LUTDescriptor, item.LUTData = [4, 1000, 10], [0, 100, 500, 1023]
    item["LUTDescriptor"].VR, item["LUTData"].VR = "US", "US"
    path, dense = put_dicom(VOILUTSequence=[item], WindowCenter=[100, 2000], WindowWidth=[50, 4000])
    expected = np.asarray([0, 100, 500, 1023])[np.clip(dense - 1000, 0, 3)] / 1023
    np.testing.assert_allclose(read_film(path).pixels, expected, atol=1e-6)
    path, dense = put_dicom(WindowCenter=[2000, 100], WindowWidth=[4001, 50])
    np.testing.assert_allclose(read_film(path).pixels, np.clip((dense - 1999.5) / 4000 + 0.5, 0, 1), atol=1e-6)
    chosen = read_film(path, window=(1000.5, 1001)).pixels
    np.testing.assert_allclose(chosen, np.clip((dense - 1000) / 1000 + 0.5, 0, 1), atol=1e-6)


def test_a_sigmoid_window_is_half_at_its_centre(put_dicom):
    path, dense = put_dicom(WindowCenter=2000, WindowWidth=1000, VOILUTFunction="SIGMOID")
    np.testing.assert_allclose(read_film(path).pixels, 1 / (1 + np.exp(-4 * (dense - 2000) / 1000)), atol=1e-5)


def test_a_narrow_range_is_spread_between_percentiles(put_dicom):
    path, _ = put_dicom(values=(put_dicom()[1] // 10 + 700))
    film = read_film(path)
    assert film.pixels.min() == 0
    assert film.pixels.max() == 1
    assert "percentiles" in film.notes[0]


def test_contradicting_tags_are_decided_by_the_lungs(put_dicom):
    path, dense = put_dicom(PixelIntensityRelationshipSign=1)
    film = read_film(path)
    np.testing.assert_allclose(film.pixels, dense / 4095, atol=1e-6)
    assert "contradict" in film.notes[0]
    path, _ = put_dicom(values=4095 - dense, PixelIntensityRelationshipSign=1)
    np.testing.assert_allclose(read_film(path).pixels, dense / 4095, atol=1e-6)
    path, _ = put_dicom(PixelIntensityRelationshipSign=-1)
    assert read_film(path).notes == ()


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ({"NumberOfFrames": 3}, "3 frames; a film of one expected"),
        ({"PhotometricInterpretation": "RGB"}, r"colours \(RGB\); MONOCHROME1 or MONOCHROME2 expected"),
    ],
)
def test_frames_and_colours_are_refused(put_dicom, tags, message):
    path, _ = put_dicom(**tags)
    with pytest.raises(InputError, match=message):
        read_film(path)


def test_an_unknown_compression_is_named_with_a_tool(put_dicom):
    path, _ = put_dicom()
    held = pydicom.dcmread(path)
    held.file_meta.TransferSyntaxUID = pydicom.uid.MPEG2MPML
    held.PixelData = pydicom.encaps.encapsulate([b"0000"])
    held.save_as(path)
    with pytest.raises(InputError, match=r"MPEG2 Main Profile.*JPEG, JPEG-LS, JPEG 2000, RLE or none") as error:
        read_film(path)
    assert "gdcmconv" in error.value.hint


def test_a_truncated_film_is_one_line(put_dicom):
    path, _ = put_dicom()
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(InputError, match=r"film\.dcm: .*expected"):
        read_film(path)


def test_a_lateral_view_is_noted_and_nothing_of_the_patient_is_kept(put_dicom):
    path, _ = put_dicom(ViewPosition="LL")
    film = read_film(path)
    assert film.notes == ("It is a lateral view; frontal ones are expected.",)
    assert "Doe" not in repr(film)


def test_pictures_of_8_and_16_bits(tmp_path, made_film):
    grey = made_film("film", (64, 48)).read().pixels
    for name, scale, kind in (("a.png", 255, np.uint8), ("b.png", 65535, np.uint16)):
        Image.fromarray((grey * scale).astype(kind)).save(tmp_path / name)
        np.testing.assert_allclose(read_film(tmp_path / name).pixels, grey, atol=1 / 255)
    source = film_source(tmp_path / "a.png", name="other", window=(128.5, 256))
    np.testing.assert_allclose(source.read().pixels, np.floor(grey * 255) / 255, atol=0.01)
    assert (source.name, source.read().name) == ("other", "other")
    assert FilmIndex(tmp_path).find("files/p10/a.dcm").path == tmp_path / "a.png"
    assert FilmIndex(tmp_path).find("c") is None
    assert is_film(tmp_path / "a.png")


def test_pictures_that_are_no_films(tmp_path):
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (64, 200, 3), dtype=np.uint8)).save(tmp_path / "photo.png")
    assert len(read_film(tmp_path / "photo.png").notes) >= 2
    Image.fromarray(np.full((64, 64), 7, np.uint8)).save(tmp_path / "flat.png")
    with pytest.raises(InputError, match="all pixels are the same; a film expected"):
        read_film(tmp_path / "flat.png")
    Image.fromarray(np.zeros((1, 1), np.uint8)).save(tmp_path / "one.png")
    with pytest.raises(InputError, match="1 × 1 pixels; 32 or more expected"):
        read_film(tmp_path / "one.png")
    with pytest.raises(InputError, match="no such file; a film expected"):
        read_film(tmp_path / "none.png")


def test_the_real_twins_are_inverses_and_auto_invert_makes_them_equal(real_films):
    paths = sorted(real_films.glob("*.dcm"))
    loaded = [read_film(path).pixels for path in paths]
    assert np.corrcoef(loaded[0].ravel(), loaded[1].ravel())[0, 1] == pytest.approx(-1, abs=1e-6)
    one, other = (read_film(path, auto_invert=True).pixels for path in paths)
    np.testing.assert_allclose(one, other, atol=1e-6)


def test_only_inverted_real_films_look_inverted(real_films):
    for path in (*real_films.rglob("*.png"), *real_films.rglob("*.jpg")):
        film = read_film(path)
        assert not looks_inverted(film.pixels)
        assert looks_inverted(1 - film.pixels)
        assert film.notes == ()
