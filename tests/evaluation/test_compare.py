from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pytest

from hubkit.errors import HubkitError
from hubkit.evaluation.compare import damage, encode_distinct, evaluate
from hubkit.evaluation.report import Evaluation

if TYPE_CHECKING:
    from tests.evaluation.conftest import World

Compared = Callable[..., Evaluation]


def test_systems_gains_and_shares_agree(compared: Compared) -> None:
    result = compared(core=(2.2, 0.8), adapter=(1.2, 0.2), wrong_family=(2.0, 0.4), random=(2.3, 0.8))
    core, adapter, wrong = (result.system(name) for name in ("core", "adapter", "wrong-family"))
    assert core and adapter and wrong and result.own_share
    assert [gain.control for gain in result.gains] == ["core", "wrong-family", "random"]
    assert result.gains[0].raw.value == pytest.approx(adapter.raw.mean - core.raw.mean)
    assert result.gains[1].centred.value == pytest.approx(adapter.centred.mean - wrong.centred.mean)
    assert result.centring.core.value == pytest.approx(core.centred.mean - core.raw.mean)
    share = result.own_share.raw
    assert share.gain == pytest.approx(share.generic + share.own)
    assert share.share == pytest.approx(share.own / share.gain)
    assert adapter.raw.mean == pytest.approx((adapter.raw.forward + adapter.raw.backward) / 2)


@pytest.mark.parametrize(
    ("systems", "conclusion"),
    [
        ({"core": (2.2, 0.8), "adapter": (1.2, 0.2), "wrong_family": (2.0, 0.4)}, "own gain"),
        ({"core": (2.0, 0.9), "adapter": (1.4, 0.2), "wrong_family": (1.4, 0.2)}, "generic gain"),
        ({"core": (2.2, 0.8), "adapter": (1.2, 0.2)}, "unattributed gain"),
        ({"core": (1.6, 1.5), "adapter": (1.6, 0.1), "wrong_family": (1.6, 0.3)}, "centring suffices"),
        ({"core": (1.8, 0.1), "adapter": (1.8, 0.1), "wrong_family": (1.8, 0.1)}, "no measurable gain"),
        ({"core": (0.3, 0.1), "adapter": (0.3, 0.1), "wrong_family": (0.3, 0.1)}, "no adapter needed"),
        ({"core": (1.0, 0.1), "adapter": (3.0, 0.1), "wrong_family": (1.0, 0.1)}, "loss"),
        ({"core": (0.3, 0.1)}, "not compared"),
    ],
)
def test_conclusion(compared: Compared, systems: dict[str, tuple[float, float]], conclusion: str) -> None:
    assert compared(**systems).conclusion == conclusion


def test_english_is_the_cores_for_every_system(world: World) -> None:
    """An adapter that also moves English must not be scored on the English it moved."""
    core = world.encoder(1.0, 0.1, 1)

    def adapter(sentences: list[str]) -> np.ndarray:
        assert all(sentence.startswith("t") for sentence in sentences)
        return np.asarray(core(sentences))

    result = evaluate({"core": core, "adapter": adapter}, world.suite())
    assert result.gains[0].raw.value == 0


def test_given_english_vectors_are_used(world: World) -> None:
    core = world.encoder(0.0, 0.0, 1)
    assert evaluate({"core": core}, world.suite(), world.meanings).systems[0].raw.mean == 1
    assert evaluate({"core": core}, world.suite(), world.meanings[::-1]).systems[0].raw.mean < 0.1


def test_core_is_required(world: World) -> None:
    with pytest.raises(HubkitError, match="lack the core"):
        evaluate({"adapter": world.encoder(1, 0, 1)}, world.suite())


def test_wrong_number_of_vectors_is_refused(world: World) -> None:
    with pytest.raises(HubkitError, match="one vector each"):
        evaluate({"core": lambda sentences: np.ones((3, 4))}, world.suite())


def test_each_distinct_sentence_is_encoded_once() -> None:
    seen: list[str] = []

    def encode(sentences: list[str]) -> list[list[float]]:
        seen.extend(sentences)
        return [[float(len(sentence))] for sentence in sentences]

    assert encode_distinct(encode, ["a", "bb", "a"]).tolist() == [[1], [2], [1]]
    assert seen == ["a", "bb"]


def test_damage(world: World) -> None:
    good, bad = world.encoder(0.5, 0.1, 1), world.encoder(2.5, 0.1, 2)
    suites = [world.suite(language="de"), world.suite(language="tr")]
    hurt = damage(good, bad, suites)
    assert hurt is not None and hurt.mean.verdict == "loss"
    assert [row.language for row in hurt.rows] == ["de", "tr"]
    assert hurt.mean.value == pytest.approx(hurt.adapter - hurt.core)
    assert hurt.mean.ci95[0] <= hurt.mean.value <= hurt.mean.ci95[1]
    unhurt = damage(good, good, suites)
    assert unhurt is not None and unhurt.mean.value == 0
    assert damage(good, bad, []) is None
