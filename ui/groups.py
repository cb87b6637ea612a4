"""Lists of clips on a desk."""

from __future__ import annotations

from dataclasses import dataclass, field

from earshot.results.result import Result
from earshot_client.api_client import EarshotClient
from earshot_client.filters import ResultFilters

PAGE = 50


@dataclass
class Group:
    """A list of clips.

    Attributes:
        id, title, empty: its name, and what is said if there are none.
        note: below the title.
        results: that are shown.
        filters: by which more can be loaded; None for a list that is complete.
        cursor: of the next page; None if that was all.
        rest: that are known and not shown yet.
        above: it is shown above the timeline.
        pending: it is still to be loaded for the first time.
        names: of files, in place of times, by the clip's id.
    """

    id: str
    title: str
    empty: str = ""
    note: str = ""
    results: list[Result] = field(default_factory=list)
    filters: ResultFilters | None = None
    cursor: str | None = None
    rest: list[Result] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    above: bool = False
    pending: bool = False

    def load(self, client: EarshotClient, n: int = PAGE) -> None:
        """Add the next `n` results. A rare match takes several pages.

        The API has them in the order of their classification; what came late is set right here
        within a page, not across them.
        """
        self.results += self.rest[:n]
        self.rest = self.rest[n:]
        if self.filters is None:
            return
        wanted = len(self.results) + n
        while len(self.results) < wanted:
            left = wanted - len(self.results)
            found, self.cursor = client.results_page(self.filters, left, self.cursor)
            self.results += sorted(found, key=lambda one: one.time, reverse=True)
            if self.cursor is None:
                break
        self.pending = False
