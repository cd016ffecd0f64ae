from __future__ import annotations

from collections.abc import Callable

import pytest

from hubkit.corpora.codes import codes, normal
from hubkit.languages import Language

Make = Callable[..., Language]


@pytest.mark.parametrize(
    ("tag", "iso639_3", "script", "source", "expected"),
    [
        ("rw", "kin", "Latn", "mediawiki", ["rw", "rw-latn", "kin"]),
        ("kk", "kaz", "Cyrl", "mediawiki", ["kk", "kk-cyrl", "kaz"]),
        ("sr-Latn", "srp", "Latn", "mediawiki", ["sr-el", "sr-latn"]),
        ("zh", "cmn", "Hans", "libreoffice", ["zh-cn", "zh", "zh-hans", "cmn"]),
        ("pa", "pan", "Guru", "libreoffice", ["pa-in", "pa", "pa-guru", "pan"]),
        ("kab", "kab", "Latn", "django", ["kab", "kab-latn"]),
    ],
)
def test_codes(language: Make, tag: str, iso639_3: str, script: str, source: str, expected: list[str]) -> None:
    assert codes(language(tag, iso639_3, script), source) == expected


def test_normal() -> None:
    assert normal("zh_Hans") == "zh-hans"
