"""Which database a connection string means, without saying who connects."""

import os
from collections.abc import Mapping

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from unbroken.errors import ConfigurationError

_VARIABLES = {"host": "PGHOST", "port": "PGPORT", "dbname": "PGDATABASE", "user": "PGUSER", "service": "PGSERVICE"}


def address_of(conninfo: str) -> str:
    """Host, port and database as a URL, fit to be shown and kept: it holds no password and no login.

    What ``conninfo`` leaves open is taken from the environment, as the client library does; a database that is
    named nowhere has the login's name. Raises :class:`ConfigurationError` when ``conninfo`` can't be read.
    """
    try:
        given = conninfo_to_dict(conninfo)
    except ProgrammingError as error:
        raise ConfigurationError("the connection string can't be read") from error
    host = str(given.get("host") or given.get("hostaddr") or os.environ.get("PGHOST") or "localhost")
    database = _setting(given, "dbname") or _setting(given, "user")
    place = f"postgresql://{host}:{_setting(given, 'port') or '5432'}/{database}"
    service = _setting(given, "service")
    return f"{place}?service={service}" if service else place


def _setting(given: Mapping[str, object], name: str) -> str:
    return str(given.get(name) or os.environ.get(_VARIABLES[name]) or "")
