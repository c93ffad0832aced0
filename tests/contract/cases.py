"""One small case a verb: what is typed, what it reads, and what kind of verb it is.

Words in braces are paths that the fixture `world` made (see conftest.py); a new task adds its inputs there and its
cases here, and keeps every promise of tests/contract with no test of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["items", "run", "file", "plain"]
"""A run over many items, a run, a verb that writes one file with ``--out``, or one that writes nothing."""


@dataclass(frozen=True)
class Case:
    """A verb with the smallest work that shows how it behaves.

    Attributes
    ----------
    verb
        The words of the verb, as ``register batch``.
    words
        What is typed behind it, without ``--out``; words in braces are paths of the world.
    kind
        What it leaves behind.
    reads
        Which of the paths are input files that must be there and whole.
    begun
        Pattern of a file in the run directory that shows that the work has begun, and is not done.
    is_long
        Whether it takes more than a few seconds, so that only its own contract is tested with the slow ones.
    """

    verb: str
    words: str
    kind: Kind = "run"
    reads: tuple[str, ...] = ()
    begun: str = "items.jsonl"
    is_long: bool = False

    def typed(self, world: dict[str, str], **other: str) -> list[str]:
        """Return the words of the command line; ``other`` stands in for paths of the world."""
        return [*self.verb.split(), *(word.format(**{**world, **other}) for word in self.words.split())]


_REGISTER = "--threads 1 --preset fast --method optimize --iters 2,2 --no-pictures"
_TINY_PART = "--groups 64 --group-size 8 --bank 64 --views 2 --clusters 4 --steps 2"
_FILMS = "--images {films} --threads 1"
_CUT_FACES = "--face-detector none --threads 1"
_CHEAP_FIT = "--width 1 --refine 5 --pool cheby --no-compare --no-pictures"
_TWO_EPOCHS = "--channels 4,4 --pool cheby --epochs 1 --select gate --no-compare --no-pictures --threads 1"

CASES = (
    Case("register pair", f"{{fixed}} {{moving}} {_REGISTER}", reads=("fixed", "moving"), begun="log.txt"),
    Case("register batch", f"{{pairs}} {_REGISTER}", "items", reads=("pairs",), is_long=True),
    Case(
        "register apply",
        "--input {moving} --reference {fixed} --transform {affine}",
        "file",
        reads=("moving", "fixed", "affine"),
    ),
    Case(
        "register evaluate",
        "--fixed-label {labels} --moving-label {labels} --transform {affine}",
        "plain",
        reads=("labels", "affine"),
    ),
    Case(
        "register train",
        "{pairs} --layout csv --steps 4 --batch-size 1 --width 2 --weights none --threads 1 --spacing 12",
        reads=("pairs",),
        begun="checkpoint.pt",
        is_long=True,
    ),
    Case("pcd-anomaly info", "{scan}", "plain", reads=("scan",)),
    Case("pcd-anomaly register", "{scan} {part}", "file", reads=("scan", "part"), is_long=True),
    Case(
        "pcd-anomaly train",
        f"--train {{good}} {_TINY_PART} --threads 1",
        reads=("scan",),
        begun="log.txt",
        is_long=True,
    ),
    Case(
        "pcd-anomaly predict",
        "{model} {scans} --registration none --threads 1 --save scores,regions",
        "items",
        reads=("scan",),
    ),
    Case(
        "rppg-adapt predict", "{traces} {other_traces} {third_traces} --method pos --no-pictures", "items", ("traces",)
    ),
    Case("rppg-adapt synth", "--count 3 --seconds 2 --size 96x72 --preset easy", "items", is_long=True),
    Case("rppg-adapt preprocess", "{manifest} --layout manifest --size 16", "items", reads=("manifest",), is_long=True),
    Case(
        "rppg-adapt train",
        "{cache} --frames 64 --steps 3 --batch-size 1 --size 16 --threads 1",
        begun="log.txt",
        is_long=True,
    ),
    Case("rppg-adapt evaluate", "{cache} --methods pos", is_long=True, begun="log.txt"),
    Case("rppg-adapt info", "{pulse_weights}", "plain", reads=("pulse_weights",)),
    Case(
        "enhance-eval run",
        "{photos} --conditions ev-4 --methods none,gamma --measures psnr,mean_luma --bootstrap 20 --threads 1",
        "items",
        reads=("photo",),
    ),
    Case("enhance-eval enhance", "{photos} --methods gamma,clahe --threads 1", "items", reads=("photo",)),
    Case("enhance-eval degrade", "{photos} --condition ev-4", "items", reads=("photo",), is_long=True),
    Case(
        "enhance-eval score",
        "--pred {photos} --reference {photos} --measures psnr",
        "items",
        reads=("photo",),
        is_long=True,
    ),
    Case("enhance-eval report", "{scored} --bootstrap 30", begun="log.txt"),
    Case("enhance-eval list", "measures", "plain"),
    Case(
        "enhance-eval train",
        "curve --steps 3 --batch-size 2 --threads 1",
        begun="checkpoint.pt",
        is_long=True,
    ),
    Case(
        "fewshot-seg predict",
        "--support {photo}:{photo_mask} --query {photos} --method copy --no-pictures --save json --threads 1",
        "items",
        reads=("photo", "photo_mask"),
    ),
    Case(
        "fewshot-seg adapt",
        "--support {photo}:{photo_mask} --method copy --threads 1",
        reads=("photo_mask",),
        begun="log.txt",
    ),
    Case(
        "fewshot-seg train",
        "--steps 3 --batch-size 2 --side 64 --shots 1 --gate-episodes 0 --threads 1",
        begun="checkpoint.pt",
        is_long=True,
    ),
    Case(
        "fewshot-seg evaluate",
        "{land} --methods copy --episodes 3 --no-pictures --threads 1",
        "items",
        reads=("land_mask",),
        is_long=True,
    ),
    Case("fewshot-seg prepare", "deepglobe {land}", "items", reads=("land_mask",), is_long=True),
    Case("fewshot-seg info", "{few_weights}", "plain", reads=("few_weights",)),
    Case(
        "gaze-predict predict",
        "{films} --text pneumothorax --weights {gaze_weights} --threads 1",
        "items",
        reads=("film", "gaze_weights"),
    ),
    Case(
        "gaze-predict evaluate",
        f"{{gaze}} --weights {{gaze_weights}} --controls no-text --per-case {_FILMS}",
        "items",
        reads=("gaze", "gaze_weights"),
        is_long=True,
    ),
    Case("gaze-predict synth", "--count 3 --layout egd --side 400", "items", is_long=True),
    Case(
        "gaze-predict train",
        "phantom --steps 3 --batch-size 1 --sentences 1 --side 64 --threads 1",
        begun="checkpoint.pt",
        is_long=True,
    ),
    Case(
        "gaze-predict adapt",
        f"{{gaze_weights}} {{gaze}} --steps 3 --batch-size 1 {_FILMS}",
        reads=("gaze_weights", "gaze"),
        begun="checkpoint.pt",
        is_long=True,
    ),
    Case("synth-faces generate", "--count 3 --size 32 --threads 1", "items"),
    Case("synth-faces export", "{faces} --to imagefolder", reads=("faces",), begun="log.txt", is_long=True),
    Case(
        "synth-faces train-base",
        "{faces} --steps 3 --autoencoder-steps 2 --batch-size 2 --autoencoder-batch-size 2 --side 32 --width 8 "
        "--autoencoder-width 4 --threads 1",
        reads=("faces",),
        begun="unet/checkpoint.pt",
        is_long=True,
    ),
    Case(
        "synth-faces train-fer",
        "{faces} --steps 3 --batch-size 2 --side 32 --threads 1",
        reads=("faces",),
        begun="checkpoint.pt",
        is_long=True,
    ),
    Case(
        "synth-faces evaluate",
        "{faces} --judge {fer_weights} --bootstrap 20 --threads 1",
        reads=("fer_weights", "faces"),
        begun="log.txt",
    ),
    Case(
        "synth-faces annotate",
        "{mini_three} --model {mini_sd} --annotator {mini_annotator} --rectify vote --threads 1",
        "items",
        reads=("mini_three", "mini_sd", "mini_annotator"),
        is_long=True,
    ),
    Case(
        "synth-faces train-anno",
        "{mini_eight} --model {mini_sd} --steps 3 --batch-size 2 --val-fraction 0.3 --threads 1",
        reads=("mini_eight", "mini_sd"),
        begun="checkpoint.pt",
        is_long=True,
    ),
    Case("synth-faces info", "{fer_weights}", "plain", reads=("fer_weights",)),
    Case(
        "forgery-detect predict",
        f"{{crops}} --weights {{forgery_weights}} {_CUT_FACES}",
        "items",
        reads=("crop", "forgery_weights"),
    ),
    Case(
        "forgery-detect index",
        "{forgeries} --match-history --crop 32",
        reads=("forgeries",),
        begun="items.jsonl",
    ),
    Case(
        "forgery-detect evaluate",
        f"{{three_forgeries}} --weights {{forgery_weights}} {_CUT_FACES} --bootstrap 20 --no-pictures "
        "--robustness blur",
        "items",
        reads=("three_forgeries", "forgery_weights"),
        is_long=True,
    ),
    Case("forgery-detect audit", "{forgeries}", reads=("forgeries",), begun="log.txt"),
    Case(
        "forgery-detect extract",
        "{three_forgeries} --face-detector none",
        "items",
        reads=("three_forgeries",),
        is_long=True,
    ),
    Case(
        "forgery-detect synth",
        "{portraits} --count 3 --kinds chroma,blend --threads 1",
        "items",
        reads=("portrait",),
        is_long=True,
    ),
    Case(
        "forgery-detect train",
        f"{{forgeries}} --method mfclip --steps 3 --batch-size 4 --val-fraction 0.4 {_CUT_FACES}",
        reads=("forgeries",),
        begun="checkpoint.pt",
        is_long=True,
    ),
    Case("kan-fit fit", f"{{table}} {_CHEAP_FIT}", reads=("table",), begun="log.txt"),
    Case("kan-fit predict", "{fitted} {table}", reads=("table",), begun="log.txt"),
    Case("kan-fit explain", "{fitted}", begun="log.txt", is_long=True),
    Case("kan-fit classify", f"{{images}} {_TWO_EPOCHS}", begun="log.txt", is_long=True),
)
"""All verbs but those that are measured beside other programs, and the ones that only name another command."""

WITHOUT_A_CASE = {
    "register benchmark": "runs programs of others",
    "kan-fit benchmark": "runs programs of others",
    "pcd-anomaly run": "is train and evaluate in one, minutes long",
    "pcd-anomaly evaluate": "measures what predict scores; tests/pcd_anomaly",
    "pcd-anomaly synth": "writes a data set, no run; tests/pcd_anomaly",
    "pcd-anomaly merge": "names `vcli runs merge`",
    "rppg-adapt adapt": "minutes long; tests/rppg_adapt",
    "synth-faces export-ip-adapter": "one small file; tests/synth_faces",
    "synth-faces train-adapter": "trains as synth-faces train-anno does; tests/synth_faces",
    "rppg-adapt plot": "draws what another verb wrote; tests/rppg_adapt",
}
"""Verbs that have no case, with the reason."""
