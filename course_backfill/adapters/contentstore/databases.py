"""Which database holds the contentstore, where no setting says so."""

from __future__ import annotations

from course_backfill.adapters.mongodb import Client, source_errors
from course_backfill.errors import InvalidInput, Problem

_SETTING = "MONGO_DATABASE"
_SYSTEM = {"admin", "config", "local"}


def find_database(client: Client, *, bucket: str = "fs") -> str:
    """The only database with such a GridFS bucket that the user may see, or the URI's own if it is.

    Raises InvalidInput where there are none or several, naming them; SourceUnavailable and
    SourceRefused as every source does.
    """
    with source_errors():
        databases = client.list_databases(nameOnly=True, authorizedDatabases=True)
        names = [str(database["name"]) for database in databases]
        holding = [
            name
            for name in sorted(set(names) - _SYSTEM)
            if client[name].list_collection_names(filter={"name": f"{bucket}.files"})
        ]
    preferred = client.get_default_database(default="admin").name
    if preferred in holding:
        return preferred
    if len(holding) == 1:
        return holding[0]
    if holding:
        raise InvalidInput(Problem(_SETTING, f"expected one of {', '.join(holding)}"))
    raise InvalidInput(
        Problem(_SETTING, f"expected: no database that this user may see has a {bucket}.files")
    )
