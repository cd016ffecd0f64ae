"""What a vocabulary delta gains and loses when its pieces must not cut across class prefixes.

    python benchmarks/vocabulary.py --language rw --size 500

Two deltas of the same size are learnt on half of the language's text. On the other half: tokens a word, and of the
words whose prefix the text shows, the share that the tokens also cut there.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any

import click
from hubkit.core import load_model, load_tokenizer, open_core
from hubkit.corpora.cleaning import sentences
from hubkit.corpora.gather import gather, sources
from hubkit.languages import find
from hubkit.vocabulary.learn import initial_delta
from hubkit.vocabulary.tokenizer import extended

from hubkit_bantu.segmentation import Stems
from hubkit_bantu.vocabulary import prefix_aware_delta

ASKED = ("mediawiki", "libreoffice", "cldr", "django")
_WORD = re.compile(r"[^\W\d_]+")


@click.command()
@click.option("--language", "tags", multiple=True, default=["rw"], show_default=True)
@click.option("--size", default=500, show_default=True, help="Pieces of each delta.")
@click.option("--core", "named", default="e5-small", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--check", is_flag=True, help="Exit 1 unless the tokens cut at more prefixes than with a plain delta.")
def main(tags: Sequence[str], size: int, named: str, as_json: bool, check: bool) -> None:
    """Learn, and print a row for the core and each delta."""
    core = open_core(named)
    tokenizer, model = load_tokenizer(core), load_model(core)
    weight: Any = model.get_input_embeddings().weight
    rows: list[dict[str, Any]] = []
    for tag in tags:
        texts = [pair.text for pair in sentences(gather(find(tag), sources(ASKED)).all(), 1, 30)]
        learnt, held = texts[::2], texts[1::2]
        plain = initial_delta(core, tokenizer, weight, learnt, size)
        aware = prefix_aware_delta(core, tokenizer, weight, learnt, size, tag)
        for name, made in (("core", None), ("plain", plain), ("prefix-aware", aware)):
            cut = pieces_of(tokenizer if made is None else extended(tokenizer, made))
            tokens, agreeing = measured(cut, held, Stems(texts, tag))
            rows.append({"language": tag, "vocabulary": name, "tokens a word": tokens, "cut at prefix": agreeing})
    if as_json:
        click.echo(json.dumps(rows, indent=1))
    else:
        for row in rows:
            click.echo(
                "  ".join(f"{key} {value:.3f}" if isinstance(value, float) else value for key, value in row.items())
            )
    values = {(row["language"], row["vocabulary"]): row["cut at prefix"] for row in rows}
    if check and any(values[tag, "prefix-aware"] <= values[tag, "plain"] for tag in tags):
        sys.exit(1)


def pieces_of(tokenizer: Any) -> Callable[[str], list[str]]:
    """Word → its pieces, without the mark of a word's beginning."""
    return lambda word: [piece.removeprefix("▁") for piece in tokenizer.tokenize(word)]


def measured(cut: Callable[[str], list[str]], texts: Sequence[str], stems: Stems) -> tuple[float, float]:
    """Tokens a word; share of the words with a known prefix whose pieces have an end where it ends."""
    words = [word for text in texts for word in _WORD.findall(text)]
    tokens = agreeing = known = 0
    for word in words:
        pieces = cut(word)
        tokens += sum(map(bool, pieces))
        if (split := stems.split(word)) is not None:
            ends = {len("".join(pieces[: number + 1])) for number in range(len(pieces))}
            known += 1
            agreeing += len(split.prefix) in ends
    return tokens / len(words), agreeing / max(1, known)


if __name__ == "__main__":
    main()
