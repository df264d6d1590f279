"""What SQLite and PostgreSQL say in different words."""

from typing import TYPE_CHECKING, Any

from sqlalchemy import JSON, BigInteger
from sqlalchemy.dialects import sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql


class later_of(FunctionElement[int]):  # noqa: N801 - reads as a function of SQL
    """The larger one of two times."""

    name = "later_of"
    type = BigInteger()
    inherit_cache = True


class earlier_of(FunctionElement[int]):  # noqa: N801
    """The smaller one of two times."""

    name = "earlier_of"
    type = BigInteger()
    inherit_cache = True


class distinct_values(FunctionElement[Any]):  # noqa: N801
    """All different values of a group as one list."""

    name = "distinct_values"
    type = JSON()
    inherit_cache = True


_WORDS = {
    "sqlite": {later_of: "max(", earlier_of: "min(", distinct_values: "json_group_array(DISTINCT "},
    "postgresql": {later_of: "greatest(", earlier_of: "least(", distinct_values: "json_agg(DISTINCT "},
}


@compiles(later_of)
@compiles(earlier_of)
@compiles(distinct_values)
def _in_its_words(element: FunctionElement[Any], compiler: SQLCompiler, **options: Any) -> str:
    word = _WORDS[compiler.dialect.name][type(element)]
    return f"{word}{compiler.process(element.clauses, **options)})"


def upsert(dialect: str, table: Any) -> "sqlite.Insert | postgresql.Insert":
    """An INSERT that can say what to do where a row is there already."""
    if dialect == "sqlite":
        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql  # takes as long as all of this room; most histories are SQLite

    return postgresql.insert(table)
