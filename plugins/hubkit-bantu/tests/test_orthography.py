"""One spelling where there are several; nothing where rules cannot know."""

from __future__ import annotations

import unicodedata

import pytest

from hubkit_bantu.noun_classes import reference
from hubkit_bantu.orthography import normalise, rules, variants
from hubkit_bantu.tables import rows

CASES = [
    ("rw", "n’umuntu wʼumugabo", "n'umuntu w'umugabo"),
    ("rw", "n’ abantu", "n'abantu"),
    ("rw", "umuúntu saa", "umuntu saa"),
    ("rn", "ikirúndi", "ikirundi"),
    ("sw", "ng‘ombe “mbili”", "ng'ombe “mbili”"),
    ("lg", "ŋŋamba ŋaali Ŋŋanda", "nng'amba ng'aali Ng'ng'anda"),
    ("lg", "okuwóoza", "okuwooza"),
    ("ln", "Lelɔ́ nakoyéba mwăsí", "Lelo nakoyeba mwăsí".replace("ăsí", "ăsi")),
    ("ny", "maŵa", "mawa"),
    ("sn", "ɓaɓa ȿika", "baba svika"),
    ("ki", "mũthúri", "mũthuri"),
    ("kg", "yâyi", "yayi"),
    ("ve", "Tshivenḓa ṅwana", "Tshivenḓa ṅwana"),
    ("nso", "Sesotho sa Leboa šôna", "Sesotho sa Leboa šôna"),
    ("st", "Lipuo tsa Lesotho li ngata; 'nete ea khotso", "Dipuo tsa Lesotho di ngata; nnete ya kgotso"),
    ("st", "Dipuo tsa Afrika Borwa le Linux", "Dipuo tsa Afrika Borwa le Linux"),
    ("zu", "ngiyabonga", "ngiyabonga"),
]


@pytest.mark.parametrize(("tag", "text", "normal"), CASES, ids=lambda value: str(value)[:20])
def test_normal(tag: str, text: str, normal: str) -> None:
    assert normalise(text, tag) == unicodedata.normalize("NFC", normal)
    assert normalise(unicodedata.normalize("NFD", text), tag) == unicodedata.normalize("NFC", normal)


@pytest.mark.parametrize(("tag", "text", "normal"), CASES, ids=lambda value: str(value)[:20])
def test_twice_is_once(tag: str, text: str, normal: str) -> None:
    assert normalise(normalise(text, tag), tag) == normalise(text, tag)


def test_further_spellings() -> None:
    assert variants("njyewe, icyicaro n'intsinzi", "rw") == ["ngewe, ikicaro n'insinzi"]
    assert variants("Tshivenḓa ḽa ṅwana", "ve") == ["Tshivenda la nwana"]
    assert variants("Gĩkũyũ", "ki") == ["Gikuyu"]
    assert variants("tšhelete", "nso") == ["tshelete"]
    assert variants("umuntu", "rw") == variants("njyewe", "sw") == []


def test_a_variety_has_its_language_s_rules() -> None:
    assert rules("rw-x-fumbira") == rules("rw")
    assert len(rules("fr")) == 1


def test_every_rule_says_whence() -> None:
    for row in rows("orthography"):
        assert row["kind"] in ("normal", "variant") and row["name"]
        assert reference(row["reference"])
