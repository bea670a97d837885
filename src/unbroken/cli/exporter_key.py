"""The key by which a login signs what it exports: made when it is first needed, in the user's state folder."""

from pathlib import Path

from unbroken.cli.destruction_options import signing_key_of
from unbroken.cli.kept_heads import state_folder
from unbroken.cli.printing import warn
from unbroken.core.note import SigningKey
from unbroken.errors import ConfigurationError
from unbroken.files import create
from unbroken.verify.bundle.manifest import key_named


def exporter_key(login: str) -> SigningKey:
    """The key of ``login`` on this machine.

    The log's entry of each export names it, so that nobody has to know it beforehand; whoever loses it makes another.
    Raises :class:`ConfigurationError` where it can't be read or made, and where others may read it.
    """
    name = key_named(login)
    path = state_folder() / "exporters" / f"{name}.key"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            create(path, SigningKey.generate(name).to_text().encode())
            warn(f"made the key {path}, with which exports by {login} are signed from now on")
    except FileExistsError:
        # Another export of this login was quicker.
        pass
    except OSError as error:
        raise ConfigurationError(f"the key {path}, which signs exports, can't be made: {error.strerror}") from error
    key = signing_key_of(Path(path))
    if key.name != name:
        raise ConfigurationError(f"the key {path} is {key.name}'s: move it away, and another one is made")
    return key
