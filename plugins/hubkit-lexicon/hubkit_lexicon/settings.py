"""Where the user's dictionaries lie, and ``lexicon.toml`` beside them."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Literal

from hubkit.errors import NotFoundError, UsageError
from hubkit.settings import settings as hubkit_settings
from pydantic import BaseModel, ConfigDict, Field, ValidationError

if sys.version_info >= (3, 11):
    import tomllib
else:  # pragma: no cover
    import tomli as tomllib

VARIABLE = "HUBKIT_LEXICON"
FILE = "lexicon.toml"
Direction = Literal["english", "text"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OfDictionary(_Strict):
    """What the file's name does not say."""

    pair: str | None = Field(None, pattern=r"^[A-Za-z-]+:[A-Za-z-]+$", description="headwords:translations, as cy:en")
    license: str | None = Field(None, min_length=1, description="SPDX")


class Settings(_Strict):
    """``lexicon.toml``. ``share``, ``seed``, ``into`` and ``sources`` are about the source ``lexicon-mix``."""

    share: float = Field(0.5, gt=0, le=1, description="of the words that the dictionary knows, those that are replaced")
    seed: int = Field(0, ge=0, description="of the choice of words and of translations")
    into: tuple[Direction, ...] = Field(
        ("english", "text"),
        min_length=1,
        description="words of the language into English sentences, English ones into its",
    )
    sources: tuple[str, ...] | None = Field(None, description="whose sentences are mixed; by default all others'")
    packages: bool = Field(True, description="whether FreeDict's packages are fetched")
    dictionaries: dict[str, OfDictionary] = Field(default_factory=dict, description="by the name of the file")


def folder() -> Path:
    """The folder of ``HUBKIT_LEXICON``, else ``lexicon`` in ``HUBKIT_HOME``. A named one must be there."""
    if named := os.environ.get(VARIABLE):
        path = Path(named).expanduser()
        if not path.is_dir():
            raise NotFoundError(f"{VARIABLE} names {path}, which is no folder.", "Create it, or correct the variable.")
        return path
    return hubkit_settings().home / "lexicon"


def read_settings(path: Path | None = None) -> Settings:
    """``lexicon.toml`` of the folder. Raises :class:`UsageError` that names the key that is wrong."""
    file = (path or folder()) / FILE
    try:
        return Settings.model_validate(tomllib.loads(file.read_text("utf-8")) if file.is_file() else {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} is not valid TOML: {error}.", "Correct or remove it.") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise UsageError(f"{file}: {where}: {first['msg']}.", "Correct or remove the key.") from error
