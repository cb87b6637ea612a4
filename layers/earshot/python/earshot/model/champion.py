"""The model that serves, replaced by a new champion while the function keeps running."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, Protocol, TypeVar

from earshot.errors import UnavailableError
from earshot.model.versions import Champion, Pointer

# A new champion serves within a minute of its promotion, with time to load it.
RECHECK_S = 30.0

Reader = Callable[[str], bytes]
Loaded = TypeVar("Loaded")


class Registry(Protocol):
    """Where versions are kept; `earshot.model.registry.ModelRegistry`."""

    def pointer(self) -> Pointer | None:
        """The champion pointer; None while no version was ever promoted."""

    def reader(self, version: str) -> Reader:
        """Function that reads one of a version's files by name."""


class ServingModel(Generic[Loaded]):
    """Gives the champion's model, and keeps the loaded one if a new champion cannot be loaded.

    Args:
        registry: where the champion pointer and the versions are read.
        load: verifies, loads and tries a version, given its files and the SHA-256 of its manifest,
            which is None for the bundled version. Whatever it raises refuses the version.
        bundled: reads the version that came with the software. It serves until there is a
            champion, or if no version that ever was champion can be loaded.
        refused: called with the error of each champion that could not be loaded, for an alarm.
        clock: seconds of a clock that goes on while the process does not, such as `time.time`.
        recheck_s: seconds between looks at the pointer.

    Attributes:
        refusal: why the champion does not serve; None if it does.

    Raises:
        ModelError: not even the bundled version can be loaded.
        UnavailableError: the registry failed, and there is no model yet to go on with.
    """

    def __init__(
        self,
        registry: Registry,
        *,
        load: Callable[[Reader, str | None], Loaded],
        bundled: Reader,
        refused: Callable[[Exception], None],
        clock: Callable[[], float],
        recheck_s: float = RECHECK_S,
    ) -> None:
        self._registry = registry
        self._load = load
        self._refused = refused
        self._clock = clock
        self._recheck_s = recheck_s
        self.refusal: str | None = None
        self._champion: Champion | None = None
        self._model = self._first(bundled)
        self._checked_at = clock()

    def __call__(self) -> Loaded:
        """The model to use now."""
        # Backwards, too: a clock that was set says nothing about when the last look was.
        if abs(self._clock() - self._checked_at) >= self._recheck_s:
            try:
                self._exchange()
                self.refusal = None
            except Exception as error:  # of any kind: the loaded model keeps serving
                self._refuse(error)
            self._checked_at = self._clock()
        return self._model

    def _exchange(self) -> None:
        pointer = self._registry.pointer()
        if pointer and pointer.champion != self._champion:
            self._model = self._load_version(pointer.champion)
            self._champion = pointer.champion

    def _first(self, bundled: Reader) -> Loaded:
        """The champion's model; if it cannot be loaded, the newest earlier champion's."""
        try:
            champions = list(_newest_first(self._registry.pointer()))
        except UnavailableError:
            raise
        except Exception as error:  # of any kind: the bundled version serves
            self._refuse(error)
            champions = []
        for champion in champions:
            try:
                model = self._load_version(champion)
            except UnavailableError:
                raise
            except Exception as error:  # of any kind: one that served before serves
                self._refuse(error)
            else:
                self._champion = champion
                return model
        return self._load(bundled, None)

    def _refuse(self, error: Exception) -> None:
        self.refusal = str(error) or repr(error)
        self._refused(error)

    def _load_version(self, champion: Champion) -> Loaded:
        return self._load(self._registry.reader(champion.version), champion.manifest_sha256)


def _newest_first(pointer: Pointer | None) -> Iterator[Champion]:
    """Every version that ever served, once."""
    seen = set()
    for entry in pointer.history if pointer else ():
        if entry.champion not in seen:
            seen.add(entry.champion)
            yield entry.champion
