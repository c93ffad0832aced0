"""The app of ``vcli gaze-predict``, to which the modules beside add their verbs."""

from __future__ import annotations

from vision_cli.core.command.commands import VerbApp

app = VerbApp(
    help="Predict where a radiologist looks in a chest X-ray, sentence by sentence (arXiv:2408.05502).",
    examples=(
        "vcli gaze-predict --sample                                        # a generated film; needs no file",
        "vcli gaze-predict film.dcm --text 'right pleural effusion' -o out",
        "vcli gaze-predict films/ --report report.txt -o out",
        "vcli gaze-predict evaluate GazeSearch.json --images films/ -o out",
    ),
    default_verb="predict",
)
