"""The history of the schema. Revisions are four digits, so that they sort in order of time."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, inspect


def migrate(connection: Connection, revision: str) -> None:
    """Bring the database to a revision, up or down, inside the connection's transaction."""
    config = Config()
    folder = str(Path(__file__).parent)
    config.set_main_option("script_location", folder.replace("%", "%%"))  # configparser reads % as a reference
    config.attributes["connection"] = connection
    known = inspect(connection).has_table("alembic_version")
    stored = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() if known else None
    goes_down = stored is not None and (revision == "base" or revision < stored)
    (command.downgrade if goes_down else command.upgrade)(config, revision)
