"""The data directory: made whole at the first start, checked at every later one."""

import shutil

from unbroken.errors import ConfigurationError
from unbroken.files import sync_folder
from unbroken.store.embedded.cluster import Cluster
from unbroken.store.embedded.database import SUPERUSER
from unbroken.store.embedded.folders import make_private
from unbroken.store.embedded.programs import MAJOR_VERSION
from unbroken.store.embedded.waiting import INITIALISE_SECONDS


def ensure_initialised(cluster: Cluster) -> None:
    """Make the data where there is none; raises ConfigurationError for data that this PostgreSQL can't be run on."""
    if cluster.pgdata.exists():
        _check_data(cluster)
    else:
        _initialise(cluster)


def _initialise(cluster: Cluster) -> None:
    partial = cluster.folder / "pgdata.partial"
    if partial.exists():
        shutil.rmtree(partial)
    make_private(partial, cluster.runner)
    arguments = (f"--username={SUPERUSER}", "--locale=C", "--encoding=UTF8", "--data-checksums", "--no-instructions")
    access = ("--auth-local=peer", "--auth-host=reject")
    cluster.run_as_server("initdb", *arguments, *access, data=partial, seconds=INITIALISE_SECONDS)
    partial.rename(cluster.pgdata)
    # A rename that a power failure undoes would make the next start delete what was recorded.
    sync_folder(cluster.folder)


def _check_data(cluster: Cluster) -> None:
    owner = cluster.pgdata.stat().st_uid
    if owner != cluster.runner.uid:
        raise ConfigurationError(
            f"The data in {cluster.folder} belongs to the user id {owner}, and the server would run as the user "
            f"`{cluster.runner.name}`. Run this as the owner or, as root, name the owner in UNBROKEN_SERVER_USER."
        )
    try:
        version = (cluster.pgdata / "PG_VERSION").read_text(encoding="ascii").strip()
    except FileNotFoundError as error:
        raise ConfigurationError(f"{cluster.pgdata} is not a PostgreSQL data directory; use another folder.") from error
    if version != MAJOR_VERSION:
        raise ConfigurationError(
            f"The data in {cluster.folder} is of PostgreSQL {version}, and this is PostgreSQL {MAJOR_VERSION}. "
            f"Nothing was changed. Dump it with the programs of PostgreSQL {version} and restore it into a new folder."
        )
