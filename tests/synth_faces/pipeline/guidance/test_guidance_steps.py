"""Semantic guidance on a made-up UNet whose loss is known."""

from __future__ import annotations

import pytest
import torch

from vision_cli.core.errors import UsageError
from vision_cli.synth_faces.pipeline.guidance.steps import (
    SemanticGuidance,
    first_state,
    notes_of,
    wanted_classes,
)

SIGNAL = torch.linspace(0.99, 0.05, 10)
NOW = torch.tensor(4)
COUNT, TOKENS, WIDTH = 4, 3, 6


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


MIXING = torch.randn(WIDTH, 4, generator=seeded(9))


def predict(latents, time, text, places):
    """Predict noise that depends on latents and on a product of tokens, sample by sample."""
    shift = (text[:, :2].tanh().sum(dim=1) @ MIXING)[:, :, None, None]
    return 0.3 * latents + 0.2 * shift


def see(latents, places=None):
    means = latents[:, :3].tanh().mean(dim=(2, 3))
    return 2 * torch.cat([means, -means[:, :1]], dim=1)


def samples(seed=0):
    latents = torch.randn(COUNT, 4, 5, 5, generator=seeded(seed))
    return latents, torch.randn(COUNT, TOKENS, WIDTH, generator=seeded(seed + 1))


def guidance(**changed):
    settings = {
        "predict": predict,
        "see": see,
        "wanted": torch.eye(4),
        "alphas_cumprod": SIGNAL,
        "prediction_type": "epsilon",
    }
    return SemanticGuidance(**(settings | changed))


def losses(using, state):
    clean = using.clean(state.latents, predict(state.latents, NOW, state.text, None), NOW)
    return -(using.wanted * see(clean).log_softmax(dim=1)).sum(dim=1)


@pytest.mark.parametrize("target", ["text", "latent", "both"])
@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction", "sample"])
def test_the_loss_descends(target, prediction_type):
    """With the sign that the paper prints it would rise."""
    using = guidance(target=target, prediction_type=prediction_type, scale=0.05)
    state = first_state(*samples(), using.wanted)
    before = losses(using, state)
    after = using.guide_step(state, NOW)
    assert (losses(using, after) < before).all()
    torch.testing.assert_close(after.last_loss, before)
    assert torch.equal(after.text, state.text) == (target == "latent")
    assert torch.equal(after.latents, state.latents) == (target == "text")


def test_each_token_moves_by_the_scale():
    state = first_state(*samples(), torch.eye(4))
    moved = (guidance(scale=0.1).guide_step(state, NOW).text - state.text).norm(dim=-1)
    torch.testing.assert_close(moved[:, :2], torch.full((COUNT, 2), 0.1))
    assert not moved[:, 2].any(), "the UNet does not read this token"


def test_latents_move_by_a_share_of_their_noise():
    state = first_state(*samples(), torch.eye(4))
    moved = guidance(scale=0.1, target="latent").guide_step(state, NOW).latents - state.latents
    rms = moved.square().mean(dim=(1, 2, 3)).sqrt()
    torch.testing.assert_close(rms, torch.full((COUNT,), 0.1 * float((1 - SIGNAL[4]) ** 0.5)))


def test_a_sample_moves_as_if_it_were_alone():
    latents, text = samples()
    whole = guidance(target="both").guide_step(first_state(latents, text, torch.eye(4)), NOW)
    for row in range(COUNT):
        one = guidance(target="both", wanted=torch.eye(4)[row : row + 1])
        alone = one.guide_step(first_state(latents[row : row + 1], text[row : row + 1], one.wanted), NOW)
        torch.testing.assert_close(alone.latents[0], whole.latents[row])
        torch.testing.assert_close(alone.text[0], whole.text[row])


def test_a_recognised_sample_is_let_go_as_it_is():
    using = guidance(enough=0.36)
    state = first_state(*samples(), using.wanted)
    chances = (-losses(using, state)).exp()
    after = using.guide_step(state, NOW)
    assert 0 < sum(chances > 0.36) < COUNT
    assert [outcome == "recognised" for outcome in after.outcomes] == (chances > 0.36).tolist()
    torch.testing.assert_close(after.text[chances > 0.36], state.text[chances > 0.36])
    assert not torch.equal(after.text[chances <= 0.36], state.text[chances <= 0.36])
    # In the next step only the others are computed.
    rows = []
    watched = guidance(enough=0.36, predict=lambda *one: rows.append(one[3].tolist()) or predict(*one))
    watched.guide_step(after, NOW)
    assert rows == [[row for row in range(COUNT) if chances[row] <= 0.36]]


def test_guidance_ends_where_the_loss_keeps_rising():
    """A step far too long jumps about; a sample is let go after two rises in a row."""
    using = guidance(patience=2)
    state = first_state(*samples(), using.wanted)
    for level, outcome in ((1.0, "guided"), (2.0, "guided"), (1.5, "guided"), (2.0, "guided"), (3.0, "rising")):
        # The loss of this step is set by the guide; what moves is not looked at here.
        worse = guidance(see=lambda clean, _, level=level: see(clean) * 0 + level * (1 - 2 * torch.eye(4)))
        state = worse.guide_step(state, NOW)
        assert set(state.outcomes) == {outcome}, level
    assert torch.equal(worse.guide_step(state, NOW).text, state.text)
    assert notes_of(state, ["a", "b", "c", "d"])[1].startswith("b: guidance stopped, as its loss rose (")


def test_a_sample_that_is_not_finite_is_reported_and_spares_the_others():
    latents, text = samples()
    broken = latents.clone()
    broken[1, 0, 0, 0] = torch.nan
    using = guidance()
    after = using.guide_step(first_state(broken, text, using.wanted), NOW)
    assert after.failed == (1,)
    assert after.outcomes == ("guided", "not finite", "guided", "guided")
    clean = using.guide_step(first_state(latents, text, using.wanted), NOW)
    for row in (0, 2, 3):
        torch.testing.assert_close(after.text[row], clean.text[row])
    torch.testing.assert_close(after.text[1], text[1])
    assert notes_of(after, ["w", "x", "y", "z"]) == ("x: guidance stopped at a loss or gradient that is not finite",)


def test_samples_without_a_label_are_not_guided():
    wanted = wanted_classes([("a",), (), ("a", "b"), ("b",)], ("a", "b", "c", "d"))
    torch.testing.assert_close(wanted[2], torch.tensor([0.5, 0.5, 0, 0]))
    state = first_state(*samples(), wanted)
    after = guidance(wanted=wanted).guide_step(state, NOW)
    assert after.outcomes[1] == "no label"
    torch.testing.assert_close(after.text[1], state.text[1])
    assert torch.isnan(after.first_loss[1])


@pytest.mark.parametrize("target", ["text", "latent"])
def test_predictions_are_kept_where_they_hold_for_this_step(target):
    latents, text = samples()
    latents[0, 0, 0, 0] = torch.nan
    using = guidance(target=target, enough=0.36)
    after = using.guide_step(first_state(latents, text, using.wanted), NOW)
    assert after.outcomes == ("not finite", "guided", "recognised", "guided")
    assert sorted(after.predicted) == ([1, 2, 3] if target == "text" else [2])
    whole = predict(latents, NOW, text, None)
    for row, one in after.predicted.items():
        torch.testing.assert_close(one, whole[row])


def test_it_works_without_gradients_around_it_and_leaves_none():
    with torch.no_grad():
        after = guidance(target="both").guide_step(first_state(*samples(), torch.eye(4)), NOW)
    assert not any(one.requires_grad for one in (after.text, after.latents, after.last_loss))


def test_what_cannot_be_guided_is_refused():
    with pytest.raises(UsageError, match="a recogniser of a, b; one of c too expected"):
        wanted_classes([("c",)], ("a", "b"))
    with pytest.raises(UsageError, match="prediction of flow; epsilon, v_prediction or sample expected"):
        guidance(prediction_type="flow").clean(torch.zeros(1, 4, 2, 2), torch.zeros(1, 4, 2, 2), NOW)
