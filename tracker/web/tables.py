"""The history as Parquet, for pandas and polars."""

from io import BytesIO
from typing import Annotated, Any, Literal

import polars as pl
from fastapi import APIRouter, Path, Response

from tracker.errors import OmnitrackError
from tracker.store.tables import Table, TableFilter, frames
from tracker.web.access import Viewer
from tracker.web.questions import OnlyCamera, Since, Until

router = APIRouter(tags=["tables"])

MOST_ROWS = 500_000
"""They are in memory all at once; `main.py tables` has no limit."""

PARQUET = "application/vnd.apache.parquet"
_FILE: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
_NAMES = Literal["sightings", "boxes", "events", "places"]


@router.get("/tables/{table}", response_class=Response, responses={200: {"content": {PARQUET: _FILE}}})
def table(
    caller: Viewer,
    table: Annotated[_NAMES, Path(description="Looks are left out: only `main.py tables` writes those.")],
    camera: OnlyCamera = None,
    since: Since = None,
    until: Until = None,
) -> Response:
    """One table of the history as a Parquet file."""
    pieces, rows = [], 0
    with caller.read() as connection:
        for piece in frames(connection, Table(table), TableFilter(camera, since, until)):
            pieces.append(piece)
            rows += piece.height
            if rows > MOST_ROWS:
                raise OmnitrackError(f"more than {MOST_ROWS} rows are too many; ask for less time or one camera")
    file = BytesIO()
    pl.concat(pieces).write_parquet(file)
    return Response(file.getvalue(), media_type=PARQUET)
