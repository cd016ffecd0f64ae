"""``hubkit encode``: sentences, one a line, to vectors."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from hubkit.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hubkit.runtime.encoder import Encoder

Chunks = Iterator[tuple[list[str], "NDArray[Any]"]]
_ENDINGS = {".npy": "npy", ".jsonl": "jsonl", ".tsv": "tsv"}


@click.command()
@click.argument("source", metavar="[INPUT]", type=click.File("rb"), default="-")
@click.option(
    "-l",
    "--language",
    "languages",
    metavar="TAG",
    multiple=True,
    help="Use the recipe that is planned for this language; several, or auto: for the language of each line.",
)
@click.option("--adapter", metavar="NAME|FOLDER", help="Use this adapter: lang-rw, lang-rw==0.1.0 or ./a/folder.")
@click.option("--recipe", metavar="RECIPE", help="Compose installed adapters: '0.5*fam-bantu + lang-rw'.")
@click.option("--core", default="e5-small", show_default=True, metavar="NAME|FOLDER", help="The core encoder.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file.")
@click.option(
    "--format", "form", type=click.Choice(["npy", "jsonl", "tsv"]), help="By default by OUTPUT's ending, else jsonl."
)
@click.option("--centre", is_flag=True, help="Subtract the mean vector that is stored with the adapter.")
@click.option("--centre-on", type=click.File("rb"), metavar="FILE", help="Subtract the mean vector of these lines.")
@click.option("--batch-size", type=click.IntRange(min=1), default=32, show_default=True, help="Sentences at a time.")
@click.option("--no-normalize", is_flag=True, help="Do not bring vectors to length 1.")
@click.option("--quiet", is_flag=True, help="Print no progress and no warnings.")
def encode(
    source: IO[bytes],
    languages: tuple[str, ...],
    adapter: str | None,
    recipe: str | None,
    core: str,
    output: Path | None,
    form: str | None,
    centre: bool,
    centre_on: IO[bytes] | None,
    batch_size: int,
    no_normalize: bool,
    quiet: bool,
) -> None:
    """Encode the lines of INPUT (default: standard input), one vector a line, in constant memory.

    An empty line is an empty sentence, so that rows and lines agree.
    """
    from hubkit.runtime.streams import read_lines

    if sum(map(bool, (languages, adapter, recipe))) > 1:
        raise UsageError("More than one of --language, --adapter and --recipe was given.", "Give one of them.")
    if centre and centre_on is not None:
        raise UsageError("--centre and --centre-on were both given.", "Give one of them.")
    chosen = form or _ENDINGS.get(output.suffix.lower() if output else "", "jsonl")
    encoder = _load(languages, adapter, recipe, core, centre, quiet)
    mean: Any = None
    if centre_on is not None:
        mean = encoder.fit_centre(read_lines(centre_on, centre_on.name), batch_size=batch_size)
    vectors = encoder.encode_stream(
        read_lines(source, _name_of(source)),
        chunk_size=16 * batch_size,
        batch_size=batch_size,
        normalize_embeddings=not no_normalize,
        centre=mean,
    )
    _write(_shown(vectors, quiet), encoder.core.hidden_size, chosen, output)


def _name_of(source: IO[bytes]) -> str:
    name = str(getattr(source, "name", "-"))
    return "standard input" if name in ("-", "<stdin>") else name


def _load(
    languages: tuple[str, ...], adapter: str | None, recipe: str | None, core: str, centre: bool, quiet: bool
) -> Encoder:
    """As :func:`hubkit.load`; that there is no adapter is said on standard error."""
    import warnings

    from hubkit.runtime.languages import AUTO, NoAdapterWarning
    from hubkit.runtime.load import load

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", NoAdapterWarning)
        if len(languages) > 1 or languages == (AUTO,):
            if centre:
                raise UsageError("--centre is for one adapter.", "Use --centre-on with lines of one language.")
            encoder = load(core=core, languages=AUTO if languages == (AUTO,) else languages)
        else:
            encoder = load(languages[0] if languages else adapter, core=core, centre=centre, recipe=recipe)
    for warning in caught:
        if issubclass(warning.category, NoAdapterWarning) and not quiet:
            click.echo(f"warning: {warning.message}", err=True)
    return encoder


def _shown(chunks: Chunks, quiet: bool) -> Chunks:
    """The same chunks, with a progress bar on a terminal."""
    if quiet or not sys.stderr.isatty():
        yield from chunks
        return
    from hubkit.runtime.progress import progress_bar

    with progress_bar("encoding", None) as advance:
        for sentences, vectors in chunks:
            yield sentences, vectors
            advance(len(sentences))


def _write(vectors: Chunks, width: int, form: str, output: Path | None) -> None:
    """To a regular file whole or not at all; to anything else as the vectors come."""
    from hubkit.durable import written_file
    from hubkit.runtime.streams import write_vectors

    if output is None:
        _write_stream(vectors, width, form, sys.stdout.buffer)
    elif output.exists() and not output.is_file():  # a device or a pipe, which renaming would replace
        with output.open("wb") as handle:
            _write_stream(vectors, width, form, handle)
    else:
        with written_file(output.resolve()) as aside, aside.open("wb") as handle:
            write_vectors(vectors, width, form, handle)


def _write_stream(vectors: Chunks, width: int, form: str, stream: IO[bytes]) -> None:
    import shutil
    import tempfile

    from hubkit.runtime.streams import write_vectors

    try:
        if form == "npy":  # its first bytes need the number of rows
            with tempfile.TemporaryFile() as aside:
                write_vectors(vectors, width, form, aside)
                aside.seek(0)
                shutil.copyfileobj(aside, stream)
        else:
            write_vectors(vectors, width, form, stream)
        stream.flush()
    except BrokenPipeError:
        # the reader has seen enough; what is still buffered must not fail again at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
