"""Our metrics beside those of mteb and sentence-transformers, and an encoder that mteb evaluates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from hubkit.core import Core
from hubkit.evaluation.mining import nearest_neighbour_f1
from hubkit.evaluation.mteb import mteb_model
from hubkit.evaluation.retrieval import retrieve
from hubkit.runtime.encoder import Encoder

mteb = pytest.importorskip("mteb")

TEXTS = [f"sentensi ya {number}: kitu {number * 7 % 13}" for number in range(40)]
ENGLISH = [f"sentence {number}: thing {number * 7 % 13}" for number in range(40)]


@pytest.fixture
def own_task(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Bitext mining of our own sentences."""
    from datasets import Dataset
    from mteb.abstasks.task_metadata import TaskMetadata
    from mteb.abstasks.text.bitext_mining import AbsTaskBitextMining

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    unknown: dict[str, Any] = dict.fromkeys(
        ("reference", "date", "domains", "task_subtypes", "annotations_creators", "dialect", "sample_creation",
         "bibtex_citation"))  # fmt: skip

    class Own(AbsTaskBitextMining):
        metadata = TaskMetadata(
            name="Own", description="our own sentences", dataset={"path": "own/own", "revision": "1"},
            type="BitextMining", category="t2t", eval_splits=["test"], main_score="f1", license="cc0-1.0",
            eval_langs={"swh-eng": ["swh-Latn", "eng-Latn"]}, **unknown,
        )  # fmt: skip

        def load_data(self, *arguments: Any, **named: Any) -> None:
            rows = {"sentence1": TEXTS, "sentence2": ENGLISH}
            self.dataset = {"swh-eng": {"test": Dataset.from_dict(rows)}}
            self.data_loaded = True

    return Own()


def test_an_encoder_in_mteb(bert: Core, own_task: Any, make_adapter: Callable[..., Any]) -> None:
    from mteb.models.models_protocols import EncoderProtocol

    encoder = Encoder(bert, adapter=make_adapter(bert, "lora"))
    model = mteb_model(encoder)
    assert isinstance(model, EncoderProtocol)
    assert model.mteb_model_meta.name == "hubkit/lang-rw"
    (result,) = mteb.evaluate(model, [own_task], cache=None, show_progress_bar=False).task_results
    (scores,) = result.scores["test"]
    texts, english = encoder.encode(TEXTS), encoder.encode(ENGLISH)
    assert scores["f1"] == pytest.approx(nearest_neighbour_f1(texts, english).mean(), abs=1e-6)
    assert scores["accuracy"] == pytest.approx(retrieve(texts, english).forward, abs=1e-6)


def test_names_and_revisions_tell_encoders_apart(bert: Core, make_adapter: Callable[..., Any]) -> None:
    core = Encoder(bert)
    one, other = (core.adapted(make_adapter(bert, "lora", seed=seed)) for seed in (0, 1))
    metas = [mteb_model(each).mteb_model_meta for each in (core, one, other, one)]
    assert metas[0].name == f"hubkit/{bert.id}" and metas[1].name == metas[2].name == "hubkit/lang-rw"
    assert metas[1].revision == metas[3].revision
    assert len({meta.revision for meta in metas}) == 3
    assert mteb_model(core, "me/mine").mteb_model_meta.name == "me/mine"
    assert metas[0].embed_dim == 32 and metas[0].max_tokens == 64


def test_options_reach_the_encoder(bert: Core) -> None:
    encoder = Encoder(bert)
    mean = encoder.fit_centre(TEXTS)
    batches = [{"text": TEXTS[:3]}, {"text": TEXTS[3:5]}]
    found = mteb_model(encoder, centre=mean).encode(batches, batch_size=2)
    assert np.allclose(found, encoder.encode(TEXTS[:5], centre=mean), atol=1e-6)
    assert mteb_model(encoder).encode([]).shape == (0, 32)


def test_without_mteb_it_says_how_to_get_it(bert: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from hubkit.errors import HubkitError

    monkeypatch.setitem(sys.modules, "mteb", None)
    with pytest.raises(HubkitError, match=r"hubkit\[evaluation\]"):
        mteb_model(Encoder(bert))


class Fixed:
    """What sentence-transformers asks of a model: the vectors of known sentences."""

    def __init__(self, vectors: dict[str, np.ndarray]) -> None:
        self.vectors = vectors
        self.model_card_data = self
        self.similarity_fn_name = "cosine"

    def encode(self, sentences: list[str], **options: Any) -> Any:
        import torch

        return list(torch.tensor(np.stack([self.vectors[sentence] for sentence in sentences])))

    def set_evaluation_metrics(self, *arguments: Any) -> None: ...


@pytest.mark.parametrize("seed", range(5))
def test_recall_is_that_of_sentence_transformers(seed: int) -> None:
    evaluation = pytest.importorskip("sentence_transformers.sentence_transformer.evaluation")
    random = np.random.default_rng(seed)
    english = random.normal(size=(40, 8)).astype(np.float32)
    texts = (english + 0.8 * random.normal(size=english.shape)).astype(np.float32)
    model = Fixed(dict(zip((*TEXTS, *ENGLISH), (*texts, *english), strict=True)))
    theirs = evaluation.TranslationEvaluator(TEXTS, ENGLISH, write_csv=False)(model)
    ours = retrieve(texts, english, texts=TEXTS, english=ENGLISH)
    assert 0.1 < ours.recall < 0.95
    assert ours.forward == pytest.approx(theirs["src2trg_accuracy"], abs=1e-6)
    assert ours.backward == pytest.approx(theirs["trg2src_accuracy"], abs=1e-6)
    assert ours.recall == pytest.approx(theirs["mean_accuracy"], abs=1e-6)
