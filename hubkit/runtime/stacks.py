"""A recipe → what acts in the forward pass: adapters are brought into memory, merges computed, branches checked."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from hubkit.adapter.sites import Fusion, Site
from hubkit.composition.member import Member
from hubkit.composition.merge import merge_recipe
from hubkit.composition.recipe import CoreAlone, Fuse, Merge, Stack
from hubkit.composition.resolve import expand, with_versions, without_versions
from hubkit.errors import UsageError
from hubkit.runtime.program import Acts, Fuses, Layered

if TYPE_CHECKING:
    from torch import Tensor

    from hubkit.runtime.bank import Bank, Entry
    from hubkit.vocabulary.delta import VocabularyDelta

OneRecipe = CoreAlone | Stack | Merge | Fuse


def at_strength(sites: Mapping[str, Site], strength: float) -> dict[str, Site]:
    """The same sites with their factors times ``strength``."""
    return {
        path: site if isinstance(site, Fusion) else replace(site, factor=site.factor * strength)
        for path, site in sites.items()
    }


@dataclass
class Resolving:
    """One recipe while its adapters are looked up; ``held`` keeps them in memory."""

    bank: Bank
    held: ExitStack
    entries: dict[str, Entry] = field(default_factory=dict)

    def layers(self, recipe: OneRecipe) -> tuple[Layered, OneRecipe]:
        """The stack of a recipe, and the recipe with the adapters that its members need under them."""
        expanded = self.expanded(recipe)
        parts = (
            expanded.parts if isinstance(expanded, Stack) else () if isinstance(expanded, CoreAlone) else (expanded,)
        )
        return tuple(self._layer(part) for part in parts), expanded

    def expanded(self, recipe: Any) -> Any:
        """The recipe with the adapters that its members need under them."""
        recipe = self._with_versions(recipe)
        while True:
            needs = {member.name: self.entry(member).needs for member in recipe.members()}
            if (further := expand(recipe, needs)) == recipe:
                return recipe
            recipe = further

    def _with_versions(self, part: Any) -> Any:
        """The recipe with the branches of each Fuse in the versions that its fusion was trained on."""
        if isinstance(part, Stack):
            return Stack(*map(self._with_versions, part.parts), centre=part.centre)
        if isinstance(part, Fuse) and part.fusion is not None:
            return with_versions(part, self.entry(part.fusion).versions)
        return part

    def entry(self, member: Member) -> Entry:
        """The member in memory."""
        key = f"{member.name}{member.spec}"
        if key not in self.entries:
            self.entries[key] = self._by_name(member) or self.held.enter_context(self.bank.using(key))
        return self.entries[key]

    def _by_name(self, member: Member) -> Entry | None:
        """The very version that is asked for, where it is in memory under its name alone."""
        if not member.spec.startswith("==") or member.name not in self.bank:
            return None
        with ExitStack() as tried:
            entry = tried.enter_context(self.bank.using(member.name))
            if f"=={entry.version}" != member.spec:
                return None
            self.held.enter_context(tried.pop_all())
            return entry

    def _layer(self, part: Member | Merge | Fuse) -> Acts | Fuses:
        if isinstance(part, Fuse):
            return self._fuses(part)
        if isinstance(part, Merge):
            return Acts(str(part), self._merged(part).sites)
        entry = self.entry(part)
        if entry.fused:
            raise UsageError(f"{part} is a fusion of {', '.join(entry.fused)}.", f"Write fuse(…, fusion={part.name}).")
        return Acts(str(part), entry.sites, entry.strength if part.strength is None else part.strength)

    def _merged(self, part: Merge) -> Entry:
        key = str(part)
        members = [self.entry(member) for member in part.members()]

        def make() -> Entry:
            if any(member.vocabulary is not None for member in members):
                raise UsageError(f"{part} merges adapters that add tokens.", "Use one of them alone.")
            made = self.bank.add_sites(key, merge_recipe(part, self._sites, self._languages))
            self.bank.remember(("merge", key), made, members)  # it goes when one of them does
            return made

        if key not in self.entries:
            self.entries[key] = self.held.enter_context(self.bank.using(key, make))
        return self.entries[key]

    def _sites(self, member: Member) -> dict[str, Site]:
        entry = self.entry(member)
        return at_strength(entry.sites, entry.strength if member.strength is None else member.strength)

    def _languages(self, member: Member) -> tuple[str, ...]:
        return self.entry(member).languages

    def _fuses(self, part: Fuse) -> Fuses:
        if part.fusion is None:
            raise UsageError(f"{part} has no fusion.", "Train one, and name it: fuse(…, fusion=fuse-name).")
        fusion = self.entry(part.fusion)
        branches = tuple(str(without_versions(branch)) for branch in part.parts)
        if fusion.fused != branches:
            raise UsageError(
                f"{part.fusion.name} was trained for {', '.join(fusion.fused) or 'no branches: it is no fusion'}, "
                f"not for {', '.join(branches)}.",
                "Name its branches in its order, or train a fusion for these.",
            )
        return Fuses(str(part), fusion.sites, self.branches(part))

    def branches(self, part: Fuse) -> tuple[tuple[Acts, ...], ...]:
        """The stack of each branch of a Fuse that is expanded."""
        layers = [branch.parts if isinstance(branch, Stack) else (branch,) for branch in part.parts]
        return tuple(tuple(self._acts(inner) for inner in branch) for branch in layers)

    def _acts(self, part: Member | Merge | Fuse) -> Acts:
        found = self._layer(part)
        assert isinstance(found, Acts)
        return found

    def vocabulary(self) -> VocabularyDelta | None:
        """The tokens that the recipe's adapters add. Raises :class:`UsageError` when two of them add some."""
        adding = {key: entry.vocabulary for key, entry in self.entries.items() if entry.vocabulary is not None}
        if len(adding) > 1:
            raise UsageError(f"{' and '.join(adding)} both add tokens.", "Use one of them at a time.")
        return next(iter(adding.values()), None)

    def centre(self, recipe: OneRecipe) -> Tensor | None:
        """The stored mean that the recipe names. Raises :class:`UsageError` when that adapter has none for it."""
        if recipe.centre is None:
            return None
        member = next((member for member in recipe.members() if member.name == recipe.centre), Member(recipe.centre))
        entry = self.entry(member)
        if entry.centre is None or member.strength not in (None, entry.strength):
            what = "no stored mean vector" if entry.centre is None else "a mean vector for its stored strength only"
            raise UsageError(f"{recipe.centre} has {what}.", "Pass centre=encoder.fit_centre(texts).")
        return entry.centre

    def stored(self, recipe: OneRecipe) -> Tensor | None:
        """The mean stored with the topmost adapter, where it acts at its stored strength."""
        top: Any = recipe.parts[-1] if isinstance(recipe, Stack) else recipe
        top = top.fusion if isinstance(top, Fuse) else top
        if not isinstance(top, Member):
            return None
        entry = self.entry(top)
        return entry.centre if top.strength in (None, entry.strength) else None
