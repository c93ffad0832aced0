"""``vcli kan-fit``: the verbs."""

from __future__ import annotations

from vision_cli.core.commands import VerbApp
from vision_cli.kan_fit.bench_cli import BENCH_EXAMPLES, bench
from vision_cli.kan_fit.classify_cli import CLASSIFY_EXAMPLES, classify
from vision_cli.kan_fit.explain_cli import EXPLAIN_EXAMPLES, explain
from vision_cli.kan_fit.fit_cli import FIT_EXAMPLES, PREDICT_EXAMPLES, fit, predict

app = VerbApp(
    help="Fit readable functions to data, and classify images (S-KAN, arXiv:2408.08338).",
    examples=(*FIT_EXAMPLES[:3], CLASSIFY_EXAMPLES[1], *PREDICT_EXAMPLES, EXPLAIN_EXAMPLES[0]),
    default_verb="fit",
)
app.verb("fit", examples=FIT_EXAMPLES)(fit)
app.verb("classify", examples=CLASSIFY_EXAMPLES)(classify)
app.verb("predict", examples=PREDICT_EXAMPLES)(predict)
app.verb("explain", examples=EXPLAIN_EXAMPLES)(explain)
app.verb("bench", examples=BENCH_EXAMPLES)(bench)
