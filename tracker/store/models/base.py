"""What all tables have in common."""

from typing import Annotated, Any

from sqlalchemy import BigInteger, ForeignKey, Integer, MetaData
from sqlalchemy.orm import DeclarativeBase, mapped_column

BIG = BigInteger().with_variant(Integer(), "sqlite")  # only INTEGER keys are row ids in SQLite

Key = Annotated[int, mapped_column(BIG, primary_key=True)]
Micros = Annotated[int, mapped_column(BigInteger)]


def reference(column: str, *, cascade: bool = False, primary_key: bool = False) -> Any:
    """A foreign key; with cascade, the row disappears together with the row that it belongs to.

    Every reference to a row that may be erased needs an index, or erasing has to read the whole table.
    """
    key = ForeignKey(column, ondelete="CASCADE" if cascade else None)
    return mapped_column(BIG, key, primary_key=primary_key)


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
