"""The app of ``vcli forgery-detect``, to which the modules beside add their verbs."""

from __future__ import annotations

from vision_cli.core.command.commands import VerbApp

app = VerbApp(
    help="Tell generated and forged faces from real ones (arXiv:2409.09724, arXiv:2406.20078).",
    examples=(
        "vcli forgery-detect --sample                                # a real-like and a forged face; needs no file",
        "vcli forgery-detect photo.jpg video.mp4 -o out",
        "vcli forgery-detect index FaceForensics/ -o ffpp            # then: train, evaluate, audit",
        "vcli forgery-detect audit stylegan/ -o audit                # does the data give the answer away?",
        "vcli forgery-detect train ffpp/manifest.csv --method mfclip -o run",
        "vcli forgery-detect evaluate ffpp/manifest.csv --weights run/weights.safetensors -o out",
    ),
    default_verb="predict",
)
