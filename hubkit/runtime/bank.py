"""Adapters in memory: loading, switching and evicting take the same time however many there are.

The tensors of an adapter lie in one slot of preallocated memory (:mod:`hubkit.runtime.shelf`); the model's own modules
never change, so an adapter's name may be anything. An adapter that is in use is never evicted, and one that was evicted
comes back by itself when a recipe names it again.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from hubkit.adapter.method import method
from hubkit.adapter.sites import Bottleneck, Fusion, LowRank, Scale, Site
from hubkit.composition.member import Member
from hubkit.composition.resolve import fused_versions, stacked_under
from hubkit.core.architecture import architecture
from hubkit.errors import BusyError, NotFoundError, UsageError, VerificationError
from hubkit.runtime.shelf import Layout, Shelf, layout_of

if TYPE_CHECKING:
    from torch import Tensor

    from hubkit.adapter.store import Adapter
    from hubkit.core import Core
    from hubkit.runtime.hooks import Places
    from hubkit.vocabulary.delta import VocabularyDelta

Open = Callable[[str], "Adapter"]
"""A member of a recipe, such as ``lang-rw==0.1.0`` → the adapter, verified."""
REMEMBERED = 4096  # values made from adapters, such as compiled recipes


@dataclass(eq=False)
class Entry:
    """One adapter in the bank. ``sites`` are at strength 1; ``strength`` is the stored one.

    ``needs`` are the adapters stacked under it, ``languages`` BCP-47 tags; ``fused`` are the branches of a fusion and
    ``versions`` those of the adapters in them.
    """

    key: str
    sites: Mapping[str, Site]
    strength: float = 1.0
    centre: Tensor | None = None
    vocabulary: VocabularyDelta | None = None
    needs: tuple[Member, ...] = ()
    fused: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    nbytes: int = 0
    versions: Mapping[str, str] = field(default_factory=dict)
    version: str | None = None
    pins: int = 0
    place: tuple[Layout, tuple[int, int]] | None = field(default=None, repr=False)
    made: set[Hashable] = field(default_factory=set, repr=False)


class Bank:
    """Adapters for one core; threads may share it. They are kept on the device and in the type of ``like``.

    ``open_`` finds an adapter that is not in memory by its name. ``byte_limit`` bounds the tensors in memory: the
    adapter unused for longest goes first.
    """

    def __init__(
        self, core: Core, placed: Places, like: Tensor, open_: Open | None = None, byte_limit: int | None = None
    ) -> None:
        self.core, self.placed, self.byte_limit = core, placed, byte_limit
        self.device, self.dtype = like.device, like.dtype
        self.nbytes = 0
        self._pinned = 0  # bytes of what is in use
        self._open = open_
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        self._shelves: dict[Layout, Shelf] = {}
        self._made: OrderedDict[Hashable, tuple[tuple[Entry, ...], Any]] = OrderedDict()
        self._lock = threading.RLock()

    def __contains__(self, key: str) -> bool:
        return key in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def names(self) -> list[str]:
        """Keys of the adapters in memory, the one unused for longest first."""
        with self._lock:
            return list(self._entries)

    def add(self, adapter: Adapter, key: str | None = None) -> Entry:
        """Bring an adapter into memory under ``key`` (its name), in place of one of that key.

        Raises :class:`VerificationError` when it does not fit the core, :class:`UsageError` when it is larger than the
        byte limit; the bank is left as it was.
        """
        check_core(adapter, self.core)
        key = adapter.name if key is None else key
        with self._lock:
            self._make_room(adapter.parameters * self.dtype.itemsize, key)
            return self._replace(self._entry(adapter, key))

    def add_sites(self, key: str, sites: Mapping[str, Site], vocabulary: VocabularyDelta | None = None) -> Entry:
        """Keep what was computed from other adapters, such as a merge."""
        nbytes = sum(tensor.nbytes for site in sites.values() for tensor in _tensors(site))
        with self._lock:
            self._make_room(nbytes, key)
            return self._replace(Entry(key, sites, vocabulary=vocabulary, nbytes=nbytes))

    def evict(self, key: str) -> None:
        """Take an adapter out of memory. Raises :class:`BusyError` while it is in use."""
        with self._lock:
            if (entry := self._entries.get(key)) is None:
                raise NotFoundError(f"No adapter {key} is in memory{_suggestion(key, self._entries)}", "See names().")
            if entry.pins:
                raise BusyError(f"Adapter {key} is in use.", "Evict it when the encoding that uses it has ended.")
            self._drop(entry)

    @contextmanager
    def using(self, key: str, make: Callable[[], Entry] | None = None) -> Iterator[Entry]:
        """The entry of ``key``, kept until the block ends; where it is not in memory it is made, or opened."""
        entry = self._pin(key, make)
        try:
            yield entry
        finally:
            self._unpin([entry])

    @contextmanager
    def recalling(self, made: Hashable) -> Iterator[Any]:
        """What was remembered under this name, with the adapters that it was made from kept; None when gone."""
        with self._lock:
            entries, value = self._made.get(made, ((), None))
            for entry in entries:
                self._hold(entry)
        try:
            yield value
        finally:
            self._unpin(entries)

    def remember(self, made: Hashable, value: Any, entries: Sequence[Entry]) -> None:
        """Keep a value for as long as all the adapters that it was made from are in memory."""
        with self._lock:
            if any(self._entries.get(entry.key) is not entry for entry in entries):
                return
            self._made[made] = (tuple(entries), value)
            for entry in entries:
                entry.made.add(made)
            if len(self._made) > REMEMBERED:
                self._forget(next(iter(self._made)))

    def _pin(self, key: str, make: Callable[[], Entry] | None) -> Entry:
        with self._lock:
            if (entry := self._entries.get(key)) is not None:
                return self._hold(entry)
        if make is None:
            adapter = self._opened(key)  # outside the lock: others go on encoding while a file is read
            with self._lock:
                return self._hold(self._entries.get(key) or self.add(adapter, key))
        with self._lock:
            return self._hold(make())

    def _opened(self, key: str) -> Adapter:
        if self._open is None:
            raise NotFoundError(f"No adapter {key} is in memory{_suggestion(key, self.names())}", "Add it first.")
        try:
            return self._open(key)
        except NotFoundError as error:
            raise NotFoundError(f"{error.what}{_suggestion(key, self.names())}", error.fix) from error

    def _unpin(self, entries: Sequence[Entry]) -> None:
        with self._lock:
            for entry in entries:
                self._let_go(entry)

    def _entry(self, adapter: Adapter, key: str) -> Entry:
        layout = layout_of(adapter.tensors)
        shelf = self._shelves.setdefault(layout, Shelf(layout, self.device, self.dtype))
        place, views = shelf.put(adapter.tensors)
        try:
            found = method(adapter.method).sites(adapter.config["config"], views, architecture(self.core.model_type))
            check_places(adapter.name, found, self.placed)
        except BaseException:
            shelf.free(place)
            raise
        manifest = adapter.manifest
        return Entry(
            key,
            found,
            adapter.strength,
            None if adapter.centre is None else adapter.centre.to(self.device),
            adapter.vocabulary,
            () if manifest is None else stacked_under(manifest),
            adapter.fused,
            () if manifest is None else tuple(language.bcp47 for language in manifest.languages),
            adapter.parameters * self.dtype.itemsize,
            {} if manifest is None else fused_versions(manifest),
            None if manifest is None else manifest.version,
            place=(layout, place),
        )

    def _replace(self, entry: Entry) -> Entry:
        if (old := self._entries.get(entry.key)) is not None:
            self._drop(old)
        self._entries[entry.key] = entry
        self.nbytes += entry.nbytes
        return entry

    def _drop(self, entry: Entry) -> None:
        for made in list(entry.made):
            self._forget(made)
        self._entries.pop(entry.key, None)
        self.nbytes -= entry.nbytes
        self._free(entry)

    def _forget(self, made: Hashable) -> None:
        entries, value = self._made.pop(made, ((), None))
        for entry in entries:
            entry.made.discard(made)
        if isinstance(value, Entry) and self._entries.get(value.key) is value:  # a merge of these
            self._drop(value)

    def _free(self, entry: Entry) -> None:
        if entry.place is not None and not entry.pins:
            layout, place = entry.place
            entry.place = None
            self._shelves[layout].free(place)

    def _make_room(self, nbytes: int, key: str) -> None:
        if self.byte_limit is None:
            return
        if nbytes + self._pinned > self.byte_limit:
            raise UsageError(
                f"Adapter {key} has {nbytes} bytes and {self._pinned} more are in use; the limit is {self.byte_limit}.",
                "Raise byte_limit, or use recipes with fewer adapters.",
            )
        while self.nbytes + nbytes > self.byte_limit:
            oldest = next((entry for entry in self._entries.values() if not entry.pins), None)
            if oldest is None:
                return
            self._drop(oldest)

    def _hold(self, entry: Entry) -> Entry:
        """Keep an entry from being dropped, and make it the last to go."""
        if not entry.pins:
            self._pinned += entry.nbytes
        entry.pins += 1
        self._entries.move_to_end(entry.key)
        return entry

    def _let_go(self, entry: Entry) -> None:
        entry.pins -= 1
        if not entry.pins:
            self._pinned -= entry.nbytes
        if self._entries.get(entry.key) is not entry:  # it was replaced meanwhile
            self._free(entry)


def _suggestion(key: str, known: Sequence[str] | Mapping[str, Entry]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(key, list(known), 3)
    return f" (did you mean {', '.join(near)}?)." if near else "."


def _tensors(site: Site) -> list[Tensor]:
    import torch

    values = [getattr(site, part.name) for part in fields(site)]
    return [value for value in values if isinstance(value, torch.Tensor)]


def check_core(adapter: Adapter, core: Core) -> None:
    """Raise :class:`VerificationError` when the adapter says that it was made for another core."""
    manifest = adapter.manifest
    if manifest is not None and manifest.core.fingerprint != core.fingerprint:
        raise VerificationError(
            f"Adapter {adapter.name} was made for core {manifest.core.fingerprint[:19]}…, this encoder's core "
            f"{core.id} is {core.fingerprint[:19]}….",
            f"Run `hubkit core fetch {manifest.core.id}` or pass that core.",
        )


def check_places(name: str, sites: Mapping[str, Site], placed: Places) -> None:
    """Raise :class:`VerificationError` when the model has no such place, or one of another width."""
    for path, site in sites.items():
        if not _fits(path, site, placed):
            raise VerificationError(
                f"Adapter {name} acts at {path}, which this core does not have in that width.",
                "Load it on the core it was made for.",
            )


def _fits(path: str, site: Site, placed: Places) -> bool:
    if isinstance(site, (LowRank, Scale)):
        weight: Any = getattr(placed.linears.get(path), "weight", None)
        if weight is None:
            return False
        wide = site.scale.shape[0] if isinstance(site, Scale) else site.up.shape[0]
        return bool(wide == weight.shape[0] and (isinstance(site, Scale) or site.down.shape[1] == weight.shape[1]))
    if isinstance(site, (Bottleneck, Fusion)):
        widths = site.up.shape[0] if isinstance(site, Bottleneck) else site.query.shape[0]
        return path in placed.blocks and bool(widths == placed.hidden_size)
    return path == placed.embeddings and site.f_up.shape[0] + site.g_up.shape[0] == placed.hidden_size
