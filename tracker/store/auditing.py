"""What users did to the data, written down in whose name."""

import getpass
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, insert

from tracker.store.models import Audit
from tracker.store.runs import micros


@dataclass(frozen=True, slots=True)
class Correction:
    """One audited action. details: "identity" is whom it was about, "other" the merged or the new identity."""

    audit_id: int
    action: str
    details: dict[str, Any]


def audit(connection: Connection, action: str, details: dict[str, Any]) -> Correction:
    """Write down who does what."""
    actor = connection.get_execution_options().get("actor") or _user()
    values = {"at_us": micros(datetime.now(UTC)), "actor": actor, "action": action, "details": details}
    audit_id = connection.execute(insert(Audit).values(values).returning(Audit.id)).scalar_one()
    return Correction(audit_id, action, details)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run under a user id that has no name
        return f"user {os.getuid()}"
