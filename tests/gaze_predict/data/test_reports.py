"""Sections of reports as free text and as XML."""

from __future__ import annotations

import tarfile

import pytest

from vision_cli.core.errors import InputError
from vision_cli.gaze_predict.data.reports import Section, read_report

MIMIC = """                                 FINAL REPORT
 EXAMINATION:  CHEST (PA AND LAT)

 INDICATION:  ___F with cough  // ? pneumonia

 FINDINGS:

 Lungs are clear.  No pleural
 effusion.

 IMPRESSION: Normal.
"""


def test_text_has_findings_and_impression(tmp_path):
    path = tmp_path / "s1.txt"
    path.write_text(MIMIC)
    found = read_report(path)
    assert found == (Section("FINDINGS", "Lungs are clear. No pleural effusion."), Section("IMPRESSION", "Normal."))


def test_text_without_headings_is_one_section(tmp_path):
    path = tmp_path / "s1.txt"
    path.write_text("Heart size normal.\nNo effusion.")
    assert read_report(path) == (Section("REPORT", "Heart size normal. No effusion."),)


def test_xml_has_its_abstract(tmp_path):
    path = tmp_path / "1.xml"
    path.write_text(
        '<?xml version="1.0"?><e><AbstractText Label="INDICATION">Cough</AbstractText><other>x</other>'
        '<AbstractText Label="FINDINGS">A &lt; B.\n C.</AbstractText><AbstractText Label="IMPRESSION"/></e>'
    )
    assert read_report(path) == (Section("FINDINGS", "A < B. C."),)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", "FINDINGS:\n\nIMPRESSION:\n", "no text but headings"),
        ("a.txt", "", "no text but headings"),
        ("a.xml", "<e><AbstractText>", "damaged XML"),
        ("a.xml", '<!DOCTYPE e [<!ENTITY a "b">]><e>&a;</e>', "XML with a document type; one without expected"),
        ("a.txt", "x" * (1 << 22) + "x", "an annotation of at most"),
    ],
)
def test_reports_that_cannot_be_read(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(InputError, match=message):
        read_report(path)
    with pytest.raises(InputError, match="no such file; a report expected"):
        read_report(tmp_path / "none.txt")


def test_the_first_real_reports_are_read(real_reports, tmp_path):
    names = []
    with tarfile.open(real_reports) as archive:
        for member in archive:
            if len(names) == 100:
                break
            if not member.isfile():
                continue
            path = tmp_path / "report.xml"
            path.write_bytes(archive.extractfile(member).read())
            if b'Label="FINDINGS"/>' in path.read_bytes():
                continue
            found = read_report(path)
            names += [one.name for one in found][:1]
            assert all(one.text and "<" not in one.text and "\n" not in one.text for one in found)
    assert set(names) == {"FINDINGS"}
