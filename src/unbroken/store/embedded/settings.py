"""The server's settings and who may connect, written into its data before every start."""

from pathlib import Path
from typing import Final

from unbroken.store.embedded.cluster import Cluster
from unbroken.store.embedded.folders import replace
from unbroken.store.embedded.socket_directory import PORT

_SETTINGS: Final = """\
# Written anew at every start; what ALTER SYSTEM sets is kept, in postgresql.auto.conf.
cluster_name = 'unbroken'
listen_addresses = ''
port = {port}
unix_socket_directories = '{socket_dir}'
unix_socket_permissions = 0700
max_connections = 50
fsync = on
timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
lc_monetary = 'C'
lc_numeric = 'C'
lc_time = 'C'

# The server's log holds no personal data: no statements, no parameters, and no errors, whose text quotes values.
log_destination = 'stderr'
logging_collector = off
log_min_messages = log
log_min_error_statement = panic
log_error_verbosity = terse
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
log_statement = 'none'
log_min_duration_statement = -1
log_checkpoints = off
"""
_ACCESS: Final = """\
# Written anew at every start. No line for TCP: the server does not listen there.
local all all peer map=unbroken
"""
_IDENTITIES: Final = """\
# Written anew at every start. The one user who may connect, as any role.
unbroken {user} all
"""


def write_settings(cluster: Cluster, socket_dir: Path) -> None:
    """Write the three files that PostgreSQL reads at its start, for a server that listens in ``socket_dir`` alone."""
    quoted_dir = str(socket_dir).replace("\\", "\\\\").replace("'", "''")
    quoted_user = '"' + cluster.client.name.replace('"', '""') + '"'
    texts = {
        "postgresql.conf": _SETTINGS.format(port=PORT, socket_dir=quoted_dir),
        "pg_hba.conf": _ACCESS,
        "pg_ident.conf": _IDENTITIES.format(user=quoted_user),
    }
    for name, text in texts.items():
        replace(cluster.pgdata / name, text, owner=cluster.runner)
