"""A PostgreSQL of our own in a folder: started by the first process that uses it, stopped by the last.

What a folder holds::

    pgdata/        the data, owned by the user who runs the server
    socket/        the Unix socket, mode 0700; below the temporary directory where the path would be too long
    server.lock    held exclusively while somebody decides to start or to stop
    users.lock     held shared by every process that uses the server, for as long as it does
    postgres.lock  held by the server's own processes, which inherit it: free means that none of them lives
    server.log     what PostgreSQL's programs said, without statements and values
    postgresql-*/  only as root: a copy of the programs, where the server's user can't read the installed ones

Locks are flocks, so the kernel gives them up with the process that held them. They hold within one machine: a folder
must not be used from two machines, or from two containers, at a time.
"""

from unbroken.store.embedded.database import DATABASE, SUPERUSER
from unbroken.store.embedded.entrance import EmbeddedServer, enter, is_embedded

__all__ = ["DATABASE", "SUPERUSER", "EmbeddedServer", "enter", "is_embedded"]
