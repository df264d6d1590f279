"""Seeing some cameras only: every question then answers as if no other camera had ever filmed.

Temporary views that have the tables' names hide the rest; the database looks up those names first. So no question needs
to think of it, and none can forget to. A table that is not named here is hidden whole.
"""

from collections.abc import Collection

from sqlalchemy import Connection, select

from tracker.store.models import Base, Camera

_SIGHTING = "SELECT 1 FROM {schema}.tracklets s WHERE s.id = {table}.tracklet_id AND +s.camera_id IN ({cameras})"
_SHOWN = {
    "cameras": "id IN ({cameras})",
    "run_cameras": "camera_id IN ({cameras})",
    "place_events": "camera_id IN ({cameras})",
    "zones": "camera_id IN ({cameras})",
    "runs": "EXISTS (SELECT 1 FROM {schema}.run_cameras c WHERE c.run_id = runs.id AND c.camera_id IN ({cameras}))",
    "embedders": "1 = 1",
    # + keeps SQLite from choosing the index by camera, where the question suggests a better one
    "tracklets": "+camera_id IN ({cameras})",
    "identities": (
        "EXISTS (SELECT 1 FROM {schema}.identities m JOIN {schema}.tracklets s ON s.identity_id = m.id"
        " WHERE m.survivor_id = identities.survivor_id AND +s.camera_id IN ({cameras}))"
    ),
    **dict.fromkeys(("observations", "embeddings", "crops", "events"), f"EXISTS ({_SIGHTING})"),
}
"""Conditions of the rows that stay visible."""


_RESTRICTED = "restricted"


def is_restricted(connection: Connection) -> bool:
    """Whether it shows some sightings only, so that sums over all of them are not to be used."""
    return bool(connection.get_execution_options().get(_RESTRICTED))


def restrict(connection: Connection, cameras: Collection[str]) -> None:
    """From here to the end of the transaction the connection shows these cameras' sightings only.

    People are seen through their sightings, and events only where they are about such a sighting: others would tell
    when a person was elsewhere. Names of cameras that do not exist are ignored.
    """
    connection.execution_options(**{_RESTRICTED: True})
    ids = connection.scalars(select(Camera.id).where(Camera.name.in_(cameras))).all()
    listed = ", ".join(str(int(number)) for number in ids) or "NULL"
    schema = connection.dialect.default_schema_name
    for table in Base.metadata.tables:
        condition = _SHOWN.get(table, "1 = 0").format(schema=schema, table=table, cameras=listed)
        connection.exec_driver_sql(f"CREATE TEMPORARY VIEW {table} AS SELECT * FROM {schema}.{table} WHERE {condition}")
