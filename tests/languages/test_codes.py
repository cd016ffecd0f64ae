"""Codes, tags and locale names to languages."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubkit.errors import HubkitError, NotFoundError, UsageError
from hubkit.languages import find, languages
from hubkit.languages.codes import in_script

DATA = Path(__file__).parent / "data"
SUBTAGS = st.sampled_from(
    [
        "sw",
        "sr",
        "zh",
        "rw",
        "xx",
        "swh",
        "iw",
        "latn",
        "Cyrl",
        "Hant",
        "ke",
        "RS",
        "419",
        "x",
        "tarask",
        "nan",
        "@latin",
        ".UTF-8",
        "map",
        "bms",
    ]
)


def listed(name: str) -> list[list[str]]:
    return [line.split() for line in (DATA / name).read_text("utf-8").splitlines()]


@pytest.mark.parametrize(
    ("tag", "queries"),
    {
        "sw": "sw swh swa Swahili sw-KE Kiswahili SW sw_KE swa-TZ sw_KE.UTF-8 sw-Latn sw-x-mine",
        "ar": "ar ara arb ar-EG",
        "zh": "zh zho chi cmn zh-Hans zh-CN zh-SG zh_Hans_CN cmn_Hans cmn_Hani zh-cmn",
        "zh-Hant": "zh-Hant zh-TW zh-HK zh_Hant_TW cmn_Hant zh-tw",
        "yue": "yue zh-yue yue-Hant yue-HK",
        "nan": "nan zh-min-nan nan-Hans",
        "lzh": "lzh zh-classical",
        "sr": "sr srp scc sr-Cyrl sr_RS sr-ec sh-Cyrl sr@cyrillic",
        "sr-Latn": "sr-Latn sr_Latn sr@latin sr-el sh hbs sr-ME sr_RS@latin",
        "ms": "ms msa may zsm",
        "nb": "nb nob no nor no-bok nb_NO",
        "nn": "nn nno no-nyn",
        "sq": "sq sqi alb als",
        "et": "et est ekk",
        "lv": "lv lav lvs",
        "mg": "mg mlg plt",
        "uz": "uz uzb uzn uz-Latn",
        "uz-Cyrl": "uz-Cyrl uz@cyrillic",
        "az": "az aze azj",
        "ku": "ku kur kmr",
        "ku-Arab": "ku-Arab ku-IQ",
        "fa": "fa fas per pes",
        "prs": "prs fa-AF",
        "pa": "pa pan pa-IN",
        "pa-Arab": "pa-Arab pa-PK",
        "he": "he heb iw iw-IL",
        "id": "id ind in",
        "yi": "yi yid ji ydd",
        "jv": "jv jav jw",
        "ro": "ro ron rum mo mol",
        "de": "de ger deu de-1996 de-AT de-formal",
        "fr": "fr fre fra fr-CA",
        "cs": "cs cze ces",
        "en": "en eng simple en-GB en-simple",
        "be": "be bel be-tarask be-x-old be@tarask",
        "ca": "ca ca-valencia ca@valencia",
        "kab": "kab kab-Latn kab-DZ",
        "rw": "rw kin",
        "rn": "rn run",
        "lg": "lg lug",
        "wo": "wo wol",
        "quc": "quc",
        "cak": "cak",
        "tl": "tl tgl fil",
        "ak": "ak aka",
        "tw": "tw twi",
        "fat": "fat",
        "mhr": "mhr chm",
        "kok": "kok gom gom-deva",
        "egl": "egl eml",
        "rup": "rup roa-rup",
        "nap-x-tara": "nap-x-tara roa-tara",
        "jv-x-bms": "jv-x-bms map-bms",
        "arz": "arz ar-arz",
        "ase": "ase sgn-ase sgn-US",
        "tlh": "tlh i-klingon",
        "ko": "ko kor kor_Hang ko-KP",
        "ja": "ja jpn jpn_Jpan",
        "cbk": "cbk cbk-zam",
        "crh-Latn": "crh-Latn crh-ro",
    }.items(),
)
def test_codes_lead_to_the_canonical_tag(tag: str, queries: str) -> None:
    assert {query: find(query).tag for query in queries.split()} == dict.fromkeys(queries.split(), tag)


@pytest.mark.parametrize(
    ("query", "iso639_3", "macrolanguage", "script"),
    [
        ("sw", "swh", "swa", "Latn"),
        ("zh", "cmn", "zho", "Hans"),
        ("ar", "arb", "ara", "Arab"),
        ("nb", "nob", "nor", "Latn"),
        ("sr-Latn", "srp", "hbs", "Latn"),
        ("rw", "kin", None, "Latn"),
        ("wo", "wol", None, "Latn"),
        ("quc", "quc", None, "Latn"),
        ("am", "amh", None, "Ethi"),
        ("nqo", "nqo", None, "Nkoo"),
    ],
)
def test_attributes(query: str, iso639_3: str, macrolanguage: str | None, script: str) -> None:
    language = find(query)
    assert (language.iso639_3, language.macrolanguage, language.script) == (iso639_3, macrolanguage, script)


def test_mediawiki_codes_are_known() -> None:
    codes = [code for (code,) in listed("mediawiki_codes.txt")]
    assert len(codes) == 596
    assert all(find(code, scheme="mediawiki").tag for code in codes)


def test_udhr_codes_are_known() -> None:
    pairs = listed("udhr_codes.txt")
    assert len({iso for iso, _ in pairs}) == 447
    for iso, tag in pairs:
        assert find(iso).iso639_3 == find(tag).iso639_3 or (iso, tag.split("-")[0]) in {("twi", "ak"), ("fat", "ak")}


def test_locale_codes_are_known() -> None:
    assert all(find(code).tag for (code,) in listed("locale_codes.txt"))


def test_scheme_settles_codes_that_contradict_iso() -> None:
    assert find("nrm").name == "Narom"
    assert find("nrm", scheme="mediawiki").tag == "nrf"
    assert find("als", scheme="mediawiki").tag == "gsw"
    assert find("rw", scheme="mediawiki") is find("rw")


def test_every_language_is_found_by_its_tag_and_iso_code() -> None:
    for language in languages():
        assert find(language.tag) is language
        assert find(language.tag.upper()) is language
        assert find(language.tag.replace("-", "_")) is language
        if "-" not in language.tag:
            assert find(language.iso639_3).tag == language.tag


def test_other_script_of_a_known_language() -> None:
    language = find("sw-Arab")
    assert (language.tag, language.name, language.script) == ("sw-Arab", "Swahili (Arabic)", "Arab")
    assert language.family == find("sw").family
    assert find("SW_arab") is language
    assert in_script(language, "Latn") is find("sw")


@pytest.mark.parametrize("query", ["", "  ", "@latin", ".UTF-8"])
def test_nothing_is_a_usage_error(query: str) -> None:
    with pytest.raises(UsageError, match="No language was named"):
        find(query)


@pytest.mark.parametrize("query", ["qtz", "xx-YY", "sw-Abcd", "sw--KE", "sw KE", "x" * 10_000, "sw-toolongsubtag"])
def test_unknown_is_not_found(query: str) -> None:
    with pytest.raises(NotFoundError) as refused:
        find(query)
    assert refused.value.exit_code == 4
    assert len(str(refused.value)) < 400


@settings(deadline=None)
@given(st.text() | st.lists(SUBTAGS, max_size=5).map("-".join) | st.text("swrzh-_@.x0", max_size=12))
def test_find_raises_nothing_but_its_own_errors(query: str) -> None:
    try:
        language = find(query)
    except HubkitError as error:
        assert error.exit_code in (2, 4)
    else:
        assert find(language.tag) is language


@settings(deadline=None)
@given(st.sampled_from(languages()), st.sampled_from(["", "-Latn", "-Arab"]), st.sampled_from(["", "-QQ", "-001"]))
def test_regions_do_not_change_the_language(language: object, script: str, region: str) -> None:
    base = language.tag.split("-")[0]  # type: ignore[attr-defined]
    assert find(f"{base}{script}{region}").iso639_3 == find(base).iso639_3
