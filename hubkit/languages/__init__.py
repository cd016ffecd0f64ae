"""Languages: what they are called and coded, and how closely they are related.

>>> from hubkit.languages import find, relatives
>>> find("Kiswahili").tag
'sw'
"""

from __future__ import annotations

from hubkit.languages.codes import find
from hubkit.languages.family import family_of, relatedness, relatives
from hubkit.languages.table import Language, languages

__all__ = ["Language", "family_of", "find", "languages", "relatedness", "relatives"]
