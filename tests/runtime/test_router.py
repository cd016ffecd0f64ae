"""Decisions of the router, with an identifier that says what the test wants, and with the real one."""

from __future__ import annotations

import builtins
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubkit.errors import HubkitError
from hubkit.languages import find
from hubkit.languages.family import group
from hubkit.runtime import router as module
from hubkit.runtime.router import Decision, Router

LONG = "a text of more than twenty letters in one language"
LABELS = (
    "sw", "rw", "lg", "ee", "en", "fr", "kab", "eu", "sr", "hr", "bs", "ar", "arz", "ary", "zh", "uz", "zxx",
    "no-such-label",
)  # fmt: skip


class Says:
    """Gives every text these probabilities; ``parts`` gives other ones to texts that begin with a key."""

    labels: Sequence[str] = LABELS

    def __init__(self, parts: dict[str, dict[str, float]] | None = None, **shares: float) -> None:
        self.shares, self.parts = shares, parts or {}
        self.asked: list[str] = []

    def rank(self, text: str) -> list[tuple[str, float]]:
        self.asked.append(text)
        shares = next((said for start, said in self.parts.items() if text.strip().startswith(start)), self.shares)
        return sorted(shares.items(), key=lambda pair: -pair[1])


def decide(text: str, asked: str | None, **shares: float) -> Decision:
    """A decision among the languages ``asked`` for (None: all), when the identifier gives these probabilities."""
    wanted = None if asked is None else [find(tag) for tag in asked.split()]
    (decision,) = Router(wanted, Says(**shares)).route([text])
    return decision


def tag(decision: Decision) -> str | None:
    return None if decision.language is None else decision.language.tag


def test_a_sure_language():
    decision = decide(LONG, "sw rw", sw=0.9, rw=0.1)
    assert decision == Decision(find("sw"), None, 0.9, "Swahili (sw) 0.90")


@pytest.mark.parametrize(("probability", "routed"), [(0.59, None), (0.6, "sw"), (0.61, "sw")])
def test_a_long_text_needs_three_fifths(probability, routed):
    assert tag(decide(LONG, None, sw=probability, eu=1 - probability)) == routed


@pytest.mark.parametrize(("probability", "routed"), [(0.79, None), (0.8, "sw")])
def test_a_short_text_needs_four_fifths(probability, routed):
    assert tag(decide("habari za asubuhi", None, sw=probability, eu=1 - probability)) == routed


@pytest.mark.parametrize("text", ["", "  ", "42!", "ab", "🙂🙂🙂", "a 1 b 2"])
def test_too_little_text_is_not_even_asked_about(text):
    says = Says(sw=1.0)
    (decision,) = Router(None, says).route([text])
    assert (decision.language, decision.group, decision.confidence) == (None, None, 0.0)
    assert says.asked == []
    assert decision.reason == (f"too short: {sum(map(str.isalpha, text))} letters" if text.strip() else "empty")


def test_unsure_between_relatives_goes_to_their_group():
    decision = decide(LONG, "rw lg", rw=0.5, lg=0.4, eu=0.1)
    assert decision.language is None
    assert decision.group == "Great Lakes Bantu"
    assert decision.confidence == pytest.approx(0.9)
    assert decision.reason.startswith("unsure: Kinyarwanda (rw) 0.50, Ganda (lg) 0.40")
    assert find("rn").family[: len(group(decision.group))] == group(decision.group)


def test_the_group_is_as_small_as_agrees_enough():
    wide, narrow = decide(LONG, None, rw=0.4, lg=0.3, sw=0.3), decide(LONG, None, rw=0.45, lg=0.45, sw=0.1)
    assert len(group(wide.group)) < len(group(narrow.group))


def test_unsure_between_strangers_goes_to_the_core():
    decision = decide(LONG, None, sw=0.5, fr=0.5)
    assert (decision.language, decision.group) == (None, None)
    assert decision.confidence == 0.5


def test_a_group_that_says_nothing_is_none():
    assert decide(LONG, None, rw=0.5, ee=0.5).group is None, "Volta-Congo has a sixth of all languages"


def test_a_language_that_was_not_asked_for():
    decision = decide(LONG, "sw rw", fr=0.95, en=0.05)
    assert decision.language is None
    assert "looks like French (fr) 0.95, which is not among the languages asked for" in decision.reason
    assert find("fr").family[: len(group(decision.group))] == group(decision.group)


def test_an_isolate_has_no_group():
    assert decide(LONG, "sw", eu=1.0).group is None


def test_no_language():
    decision = decide("0xdeadbeef == 0xcafebabe", None, zxx=0.9, en=0.1)
    assert (decision.language, decision.group) == (None, None)
    assert decision.reason.startswith("in no language")


def test_the_script_tells_languages_of_several_scripts():
    latin, cyrillic = "ovo je recenica dovoljne duzine", "ово је реченица довољне дужине"
    assert tag(decide(latin, None, sr=1.0)) == "sr-Latn"
    assert tag(decide(cyrillic, None, sr=1.0)) == "sr"
    assert tag(decide(latin, "sr sr-Latn", sr=1.0)) == "sr-Latn"
    assert tag(decide(latin, "sr", sr=1.0)) is None
    assert tag(decide(cyrillic, "uz", uz=1.0)) is None


def test_members_of_a_macrolanguage_count_for_the_one_that_was_asked_for():
    arabic = "هذه جملة طويلة بما يكفي للتعرف عليها"
    decision = decide(arabic, "ar", ar=0.3, arz=0.3, ary=0.3, fr=0.1)
    assert (tag(decision), decision.confidence) == ("ar", pytest.approx(0.9))
    assert tag(decide(arabic, "ar arz", arz=0.9, ar=0.1)) == "arz"
    assert tag(decide(arabic, "ar arz", ary=0.9, fr=0.1)) == "ar"
    assert tag(decide(LONG, "hr", bs=0.9, fr=0.1)) == "hr"
    assert "recognised as Bosnian (bs)" in decide(LONG, "hr", bs=0.9, fr=0.1).reason


@pytest.mark.parametrize("code", ["sw", "swh", "swa", "Kiswahili", "sw-KE"])
def test_codes_of_one_language_are_one(code):
    assert tag(decide(LONG, code, sw=1.0)) == "sw"


def test_two_members_that_could_both_be_meant_are_not_guessed_between():
    assert tag(decide(LONG, "hr cnr", bs=1.0)) is None
    assert tag(decide(LONG, "hr sr-Latn", bs=1.0)) == "sr-Latn", "which stands for Serbo-Croatian"


def test_halves_in_two_languages_are_mixed():
    assert Router(None, Says(sw=0.9, fr=0.1)).route([LONG])[0].language == find("sw")
    whole = {"first half is long enough second": {"en": 0.9, "sw": 0.1}}
    says = Says({**whole, "first half": {"en": 0.9, "fr": 0.1}, "second half": {"sw": 1.0}})
    (decision,) = Router(None, says).route(["first half is long enough second half is long enough"])
    assert (decision.language, decision.group) == (None, None)
    assert decision.reason == "mixed: English (en) 0.90 and Swahili (sw) 1.00"
    assert says.asked[1:] == ["first half is long enough", " second half is long enough"]


def test_a_text_without_spaces_is_parted_in_the_middle():
    says = Says(zh=1.0)
    text = "这是一个没有空格的长句子" * 5
    assert tag(Router([find("zh")], says).route([text])[0]) == "zh"
    assert says.asked[1:] == [text[:30], text[30:]]


def test_languages_that_cannot_be_recognised_are_told():
    router = Router([find(tag) for tag in ("sw", "wo", "rn", "lg")], Says())
    assert [language.tag for language in router.languages] == ["sw", "lg"]
    assert [language.tag for language in router.unrecognised] == ["wo", "rn"]
    assert Router(None, Says()).unrecognised == ()
    assert {"sw", "sr", "sr-Latn"} <= {language.tag for language in Router(None, Says()).languages}


def test_no_language_asked_for_is_always_the_core_or_a_group():
    assert decide(LONG, "", sw=1.0).language is None


def test_a_batch_keeps_its_order_and_asks_once_for_equal_texts():
    says = Says(sw=0.9, en=0.1)
    decisions = Router(None, says).route(["", LONG, LONG, "x"])
    assert [tag(decision) for decision in decisions] == [None, "sw", "sw", None]
    assert says.asked.count(LONG) == 1
    assert Router(None, says).route([]) == []
    assert len(Router(None, says).route(LONG)) == 1


def test_without_the_package_the_error_says_what_to_install(monkeypatch):
    found = builtins.__import__

    def without(name: str, *rest: object, **more: object) -> object:
        if name.startswith("py3langid"):
            raise ImportError(name)
        return found(name, *rest, **more)

    module._py3langid.cache_clear()
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(HubkitError, match=r'pip install "hubkit\[router\]"'):
        Router()
    monkeypatch.undo()
    assert Router(None, Says(sw=1.0)).route([LONG]), "another identifier does without"


def test_importing_the_router_loads_neither_torch_nor_the_identifier():
    code = "import sys, hubkit.runtime.router; assert not {'torch', 'numpy', 'py3langid'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


# From here on the real identifier; the sentences were written for these tests.


@pytest.fixture(scope="module")
def router() -> Router:
    pytest.importorskip("py3langid")
    return Router()


ADAPTED = [find(code) for code in ("rw", "lg", "sn", "sw", "kab")]
SENTENCES = {
    "rw": "Mwaramutse neza, amakuru yawe n'ay'umuryango wawe?",
    "sw": "Watoto wanacheza mpira uwanjani baada ya shule.",
    "lg": "Abaana bazannya omupiira oluvannyuma lw'essomero.",
    "sn": "Vana vari kutamba bhora mushure mechikoro.",
    "fr": "Les enfants jouent au ballon après l'école.",
    "de": "Die Kinder spielen nach der Schule Ball.",
    "ru": "Дети играют в мяч после школы.",
    "ja": "子供たちは放課後にボールで遊んでいます。",
    "am": "ልጆች ከትምህርት በኋላ ኳስ ይጫወታሉ።",
}


@pytest.mark.parametrize("code", SENTENCES)
def test_plain_sentences(router, code):
    assert tag(router.route([SENTENCES[code]])[0]) == code


def test_only_the_languages_asked_for_are_answers(router):
    decisions = dict(zip(SENTENCES, Router(ADAPTED).route(list(SENTENCES.values())), strict=True))
    assert {code: tag(decision) for code, decision in decisions.items()} == {
        code: code if code in ("rw", "sw", "lg", "sn") else None for code in SENTENCES
    }


@pytest.mark.parametrize("text", ["ok", "jambo", "na", "12:30", "https://example.org/?q=1", "x = y + 1"])
def test_too_little_to_go_on(router, text):
    assert router.route([text])[0].language is None


def test_a_sentence_in_two_languages(router):
    text = "The children are playing in the garden, baada ya hapo watakula chakula nyumbani."
    assert router.route([text])[0].reason.startswith("mixed: English (en)")


def test_a_relative_that_the_identifier_does_not_know_goes_to_a_group(router):
    decision = Router([find("sw")]).route(["Umwana ari mu nzu kandi nyina ari mu murima."])[0]
    assert decision.language is None
    assert group(decision.group) == find("rn").family[: len(group(decision.group))]


def test_threads_and_batches_decide_alike(router):
    texts = list(SENTENCES.values()) * 3
    alone = [router.route([text])[0] for text in texts]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda text: router.route([text])[0], texts)) == alone
    assert router.route(texts) == alone


@given(st.text(max_size=80))
def test_any_text_has_a_decision(router: Router, text: str):
    (decision,) = router.route([text])
    assert 0 <= decision.confidence <= 1.001
    assert decision.language is None or decision.group is None
    assert decision.reason
    if decision.group is not None:
        assert group(decision.group)
