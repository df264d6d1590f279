"""The history of a server (`main.py serve`) from Python: its answers are the same typed rows as tracker.store gives.

client = Client("http://localhost:8000", token="omni_...")
for person in client.identities(camera="gate", since="yesterday 14:00").rows:
print(person.id, person.name, person.last_seen)
"""

from collections.abc import Generator
from datetime import datetime
from io import BytesIO
from urllib.parse import quote

import polars as pl

from tracker.store.auditing import Correction
from tracker.store.catalogue import CameraSummary, Change, RunSummary
from tracker.store.crops import CropKey
from tracker.store.explanation import Explanation
from tracker.store.place_queries import Place, PlaceEntry
from tracker.store.presence import Company, Occupancy, Stay, Transition
from tracker.store.privacy import Erased
from tracker.store.queries import History, IdentitySummary, Page
from tracker.web.answers import Judgement, SearchAnswer
from tracker.web.calling import ApiError, Caller, parsed

__all__ = ["ApiError", "Client", "Time"]

Time = datetime | str
"""An aware datetime, or text as on the command line: 2026-11-01T14:00, "yesterday 14:00" (the server's local time)."""


class Client:
    """Every question and correction of the API. Threads may share it.

    token: of `main.py token create`; None for a server on this machine that has no tokens. Methods raise
    NotFoundError for people and cameras that are not there, ApiError for every other refusal, and OmnitrackError when
    the server does not answer within timeout_seconds.
    """

    def __init__(self, url: str = "http://127.0.0.1:8000", token: str | None = None, *, timeout_seconds: float = 30):
        self._caller = Caller(url, token, timeout_seconds)

    def identities(
        self,
        *,
        camera: str | None = None,
        since: Time | None = None,
        until: Time | None = None,
        min_sightings: int = 1,
        name: str | None = None,
        place: str | None = None,
        limit: int = 50,
        after: int = 0,
    ) -> Page[IdentitySummary]:
        """The people who were seen, by number; the next page begins after the last one's. place: a zone or line."""
        query = {"camera": camera, "since": since, "until": until, "min_sightings": min_sightings, "name": name}
        return self._caller.get(Page[IdentitySummary], "/identities", **query, place=place, limit=limit, after=after)

    def history(self, identity: int, *, limit: int = 100, page: int = 1) -> History:
        """Where one person was, from when to when, and where they went next."""
        return self._caller.get(History, f"/identities/{identity}", limit=limit, page=page)

    def together(self, identity: int, *, min_seconds: float = 0.0) -> tuple[Company, ...]:
        """Who was in view of the same camera at the same time as a person, longest company first."""
        return self._caller.get(tuple[Company, ...], f"/identities/{identity}/together", min_seconds=min_seconds)

    def explain(self, number: int) -> Explanation:
        """Why a sighting, or all sightings of an identity, were taken for that person."""
        return self._caller.get(Explanation, f"/explanations/{number}")

    def cameras(self) -> tuple[CameraSummary, ...]:
        """The cameras, by name."""
        return self._caller.get(tuple[CameraSummary, ...], "/cameras")

    def present(
        self,
        camera: str,
        *,
        since: Time | None = None,
        until: Time | None = None,
        limit: int = 100,
        page: int = 1,
    ) -> Page[Stay]:
        """Who was in view of a camera between two times, in the order in which they left."""
        query = {"since": since, "until": until, "limit": limit, "page": page}
        return self._caller.get(Page[Stay], f"/cameras/{quote(camera, safe='')}/present", **query)

    def transitions(self, *, since: Time | None = None, until: Time | None = None) -> tuple[Transition, ...]:
        """From which camera people went to which, and how long it took them."""
        return self._caller.get(tuple[Transition, ...], "/transitions", since=since, until=until)

    def occupancy(
        self,
        *,
        since: Time | None = None,
        until: Time | None = None,
        bucket: str = "15m",
        camera: str | None = None,
    ) -> tuple[Occupancy, ...]:
        """How many different people were in view over time; the last day with data unless told otherwise."""
        query = {"since": since, "until": until, "bucket": bucket, "camera": camera}
        return self._caller.get(tuple[Occupancy, ...], "/occupancy", **query)

    def last_seen(self, *, limit: int = 50) -> tuple[Stay, ...]:
        """Where everybody was seen last, latest first."""
        return self._caller.get(tuple[Stay, ...], "/last-seen", limit=limit)

    def places(self) -> tuple[Place, ...]:
        """The zones and lines of the cameras, as they are now."""
        return self._caller.get(tuple[Place, ...], "/places")

    def place_events(
        self,
        *,
        camera: str | None = None,
        place: str | None = None,
        kind: str | None = None,
        identity: int | None = None,
        since: Time | None = None,
        until: Time | None = None,
        limit: int = 100,
        after: int = 0,
    ) -> Page[PlaceEntry]:
        """Who entered and left zones and crossed lines; the next page begins after the last one's id."""
        query = {"camera": camera, "place": place, "kind": kind, "identity": identity, "since": since, "until": until}
        return self._caller.get(Page[PlaceEntry], "/places/events", **query, limit=limit, after=after)

    def runs(self, *, limit: int = 50, before: int | None = None) -> Page[RunSummary]:
        """When the program ran, over which cameras, latest first."""
        return self._caller.get(Page[RunSummary], "/runs", limit=limit, before=before)

    def table(
        self, name: str, *, camera: str | None = None, since: Time | None = None, until: Time | None = None
    ) -> pl.DataFrame:
        """sightings, boxes, events or places as a polars frame (its to_pandas() makes one of pandas)."""
        query = {"camera": camera, "since": since, "until": until}
        return pl.read_parquet(BytesIO(self._caller.raw("GET", f"/tables/{quote(name, safe='')}", query)))

    def search(
        self,
        photo: bytes,
        *,
        camera: str | None = None,
        since: Time | None = None,
        until: Time | None = None,
        top: int = 10,
    ) -> SearchAnswer:
        """Who looks like the person on a photo, the bytes of a JPEG, PNG or WebP file."""
        query = {"camera": camera, "since": since, "until": until, "top": top}
        return parsed(SearchAnswer, self._caller.raw("POST", "/search", query, photo, "application/octet-stream"))

    def crops(self, identity: int, *, limit: int = 20) -> tuple[CropKey, ...]:
        """Names of the pictures that were kept of a person, clearest first."""
        return self._caller.get(tuple[CropKey, ...], f"/identities/{identity}/crops", limit=limit)

    def crop(self, key: CropKey) -> bytes:
        """One such picture, as JPEG."""
        return self._caller.raw("GET", f"/crops/{key.tracklet_id}/{quote(key.at.isoformat())}", {})

    def merge(self, identity: int, other: int, *, dry_run: bool = False) -> Correction:
        """Say that two identities are one person, who keeps the number of the first."""
        return self._caller.change(
            Correction, "POST", f"/identities/{identity}/merge", dry_run=dry_run, body={"other": other}
        )

    def split(self, identity: int, tracklet: int, *, only: bool = False, dry_run: bool = False) -> Correction:
        """Say that from a sighting on (or in it alone) it was somebody else, who gets a new number."""
        return self._caller.change(
            Correction,
            "POST",
            f"/identities/{identity}/split",
            dry_run=dry_run,
            body={"tracklet": tracklet, "only": only},
        )

    def rename(self, identity: int, name: str, *, dry_run: bool = False) -> Correction:
        """Give a person a name; an empty one takes it away."""
        return self._caller.change(
            Correction, "PUT", f"/identities/{identity}/name", dry_run=dry_run, body={"name": name}
        )

    def undo(self, *, dry_run: bool = False) -> Correction:
        """Take back the latest correction; again for the one before."""
        return self._caller.change(Correction, "POST", "/undo", dry_run=dry_run)

    def reassociate(
        self,
        *,
        run: int | None = None,
        since: Time | None = None,
        until: Time | None = None,
        dry_run: bool = False,
    ) -> Judgement:
        """Find the people of the recorded history, or of a part of it, afresh."""
        body = {"run": run, "since": since, "until": until}
        return self._caller.change(Judgement, "POST", "/reassociate", dry_run=dry_run, body=body)

    def forget(self, identity: int, *, dry_run: bool = False) -> Erased:
        """Erase a person for good: sightings, appearance, pictures, name."""
        return self._caller.change(Erased, "DELETE", f"/identities/{identity}", dry_run=dry_run)

    def events(self, *, last_event_id: int | None = None) -> Generator[Change]:
        """Each change of the identities as it happens, after that one, or from now on; waits for the next for ever.

        Ends when the server does or the token is revoked; go on with the id of the last one received. Raises
        OmnitrackError when the connection breaks.
        """
        headers = {} if last_event_id is None else {"Last-Event-ID": str(last_event_id)}
        for line in self._caller.lines("/events", headers):
            if line.startswith(b"data:"):
                yield parsed(Change, line[5:])
