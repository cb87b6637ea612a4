"""Divide an archive into batches, once: a second run over it has the very same ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from earshot.archives.archive_files import (
    ARCHIVE,
    BATCHES,
    BATCHES_A_PART,
    PARTS,
    PLAN,
    ArchiveFiles,
    batch_file,
    check_name,
    part_of,
)
from earshot.archives.archived_clips import ArchivedClip, InventoriedClips, ListedClips
from earshot.errors import BadRequestError, NotFoundError
from earshot.uploads.objects import Location

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CLIPS_A_BATCH = 200
MAX_BATCH_BYTES = 256 * 2**20  # of long recordings: half a minute of classify at most
_WRITERS = 16  # threads: a batch is a small object, and listing is much faster than writing one


@dataclass(frozen=True)
class Archive:
    """What was asked for.

    Attributes:
        name: of the archive.
        bucket: that its clips are in.
        prefix: of their keys.
        max_clips: clips beyond these are left out; None for all.
        source: of all clips; None for the folder of each.
        keep_in_table: whether results also go to the results table.
        inventory: ``s3://…/manifest.json`` of an S3 Inventory; None for a listing.
        clips_a_batch: at most.
        concurrency: batches at a time.
    """

    name: str
    bucket: str
    prefix: str = ""
    max_clips: int | None = None
    source: str | None = None
    keep_in_table: bool = False
    inventory: str | None = None
    clips_a_batch: int = CLIPS_A_BATCH
    concurrency: int = 5

    @classmethod
    def from_input(cls, name: str, document: Mapping[str, Any], concurrency: int) -> Archive:
        """Of the input of an execution.

        Args:
            name: of the execution, for an archive without a name.
            document: the input.
            concurrency: unless the input has one.

        Raises:
            BadRequestError: it is of another shape.
        """
        known = {field.name for field in fields(cls)}
        if unknown := sorted(document.keys() - known):
            raise BadRequestError(
                f"Unknown: {', '.join(unknown)}. Known: {', '.join(sorted(known))}."
            )
        archive = cls(**{"name": name, "concurrency": concurrency, "bucket": "", **document})
        check_name(archive.name)
        limits = (archive.max_clips, archive.clips_a_batch, archive.concurrency)
        if any(n is not None and (type(n) is not int or n < 1) for n in limits):
            raise BadRequestError("max_clips, clips_a_batch and concurrency are numbers from 1 on.")
        if not archive.bucket or archive.clips_a_batch > CLIPS_A_BATCH:
            raise BadRequestError(f"It takes a bucket, and batches of {CLIPS_A_BATCH} at most.")
        return archive

    def clips(self, s3: S3Client) -> ListedClips | InventoriedClips:
        """What lists its clips."""
        if self.inventory is None:
            return ListedClips(s3, self.bucket, self.prefix)
        bucket, _, key = self.inventory.removeprefix("s3://").partition("/")
        return InventoriedClips(s3, self.bucket, self.prefix, Location(bucket, key))


@dataclass(frozen=True)
class Plan:
    """How far the plan of an archive is.

    Attributes:
        cursor: of the listing, from which the next call goes on.
        clips: in the batches so far.
        size: of these clips in bytes.
        batches: so far, all complete.
        done: whether these are all.
    """

    cursor: str | None = None
    clips: int = 0
    size: int = 0
    batches: int = 0
    done: bool = False


class Planner:
    """Makes the batches of an archive.

    Args:
        s3: client, for the archive's bucket.
        files: of archives.
    """

    def __init__(self, s3: S3Client, files: ArchiveFiles) -> None:
        self._s3 = s3
        self._files = files

    def plan(self, archive: Archive, has_time: Callable[[], bool]) -> Plan:
        """Go on with the plan while there is time; it is called again until it is done.

        A plan that is done stays as it is: clips that come to the prefix later are another archive.

        Raises:
            BadRequestError: there is an archive of that name with other clips.
            UnavailableError: S3 failed; the same call goes on.
        """
        self._begin(archive)
        try:
            plan = Plan(**self._files.read_json(archive.name, PLAN))
        except NotFoundError:
            plan = Plan()
        if plan.done:
            return plan
        for stretch in archive.clips(self._s3).stretches(plan.cursor):
            clips = stretch.clips
            full = False
            if archive.max_clips is not None:
                left = archive.max_clips - plan.clips
                full, clips = len(clips) >= left, clips[:left]
            batches = list(_batches(clips, archive.clips_a_batch))
            self._write(archive, plan.batches, batches)
            plan = Plan(
                stretch.cursor,
                plan.clips + len(clips),
                plan.size + sum(clip.size for clip in clips),
                plan.batches + len(batches),
                done=full or stretch.cursor is None,
            )
            if plan.done:
                break
            self._files.write_json(archive.name, PLAN, asdict(plan))
            if not has_time():
                return plan
        plan = replace(plan, done=True)
        self._finish(archive, plan)
        return plan

    def _begin(self, archive: Archive) -> None:
        wanted = asdict(archive)
        try:
            known = self._files.read_json(archive.name, ARCHIVE)
        except NotFoundError:
            self._files.write_json(archive.name, ARCHIVE, wanted)
            return
        if any(known[name] != wanted[name] for name in wanted if name != "concurrency"):
            raise BadRequestError(f"The archive {archive.name} is another one: {known}.")

    def _write(self, archive: Archive, first: int, batches: list[list[ArchivedClip]]) -> None:
        def write(number: int, clips: list[ArchivedClip]) -> None:
            rows = [[clip.key, clip.etag, clip.size] for clip in clips]
            self._files.write_json(archive.name, batch_file(number), rows)

        with ThreadPoolExecutor(_WRITERS) as pool:
            list(pool.map(write, range(first, first + len(batches)), batches))

    def _finish(self, archive: Archive, plan: Plan) -> None:
        """Write the parts, and the plan last. Batches of a call that was killed may be too many."""
        last = self._files.key(archive.name, batch_file(plan.batches - 1))
        batches = self._files.key(archive.name, BATCHES)
        self._files.delete(self._files.keys(batches, after=last if plan.batches else ""))
        for first in range(0, plan.batches, BATCHES_A_PART):
            n = min(BATCHES_A_PART, plan.batches - first)
            name = f"{PARTS}{part_of(first)}.json"
            self._files.write_json(archive.name, name, {"batches": n})
        self._files.write_json(archive.name, PLAN, asdict(plan))


def _batches(clips: list[ArchivedClip], at_most: int) -> list[list[ArchivedClip]]:
    batches: list[list[ArchivedClip]] = []
    size = 0
    for clip in clips:
        if not batches or len(batches[-1]) == at_most or size + clip.size > MAX_BATCH_BYTES:
            batches.append([])
            size = 0
        batches[-1].append(clip)
        size += clip.size
    return batches
