"""The list of commands. Each one's module is imported when it runs, so that help and completion answer at once."""

from importlib import import_module
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

import unbroken

COMMANDS: Final = {
    "demo": (
        "unbroken.cli.demo",
        "demo",
        "Watch an agent being recorded, and forgeries being found.",
    ),
    "init": ("unbroken.cli.init", "init", "Set up a log: in a folder, or in a PostgreSQL that you have."),
    "login": ("unbroken.cli.login", "app", "Add and list the database logins of a log."),
    "import": ("unbroken.cli.import_", "app", "Import conversations that were recorded elsewhere."),
    "tail": ("unbroken.cli.tail", "tail", "Show the newest entries, and new ones as they come."),
    "sessions": ("unbroken.cli.sessions", "sessions", "List sessions, the newest first."),
    "show": ("unbroken.cli.show", "show", "Show one session as a timeline, verified."),
    "names": ("unbroken.cli.names", "names", "Show who stands behind pseudonyms."),
    "original": ("unbroken.cli.original", "app", "See what was said before redaction; needs the vault's keys."),
    "query": ("unbroken.cli.query", "app", "Put the questions that investigations begin with."),
    "approvals": ("unbroken.cli.approvals", "app", "List requests for approval, and decide on them."),
    "grant": ("unbroken.cli.grant", "grant", "Grant a login a duty for a log, or ask for the second person."),
    "revoke": ("unbroken.cli.revoke", "revoke", "End a login's duty for a log, at once and alone."),
    "access": ("unbroken.cli.access_group", "app", "Confirm or withdraw requests for access, and report who has it."),
    "verify": ("unbroken.cli.verify", "verify", "Check that nothing in a log was changed, removed or moved."),
    "checkpoint": ("unbroken.cli.checkpoint", "app", "Sign checkpoints of a log, and look at those that were."),
    "keys": ("unbroken.cli.keys", "app", "Make and change the keys that sign checkpoints."),
    "export": ("unbroken.cli.export", "export", "Export a part of a log as evidence that anybody can check."),
    "prove": ("unbroken.cli.prove", "prove", "Prove that one entry is in the log, without showing the others."),
    "anchor": ("unbroken.cli.anchor", "app", "Set up and watch the places outside that hold checkpoints."),
    "subject": ("unbroken.cli.subject", "app", "Erase what a log holds of a person, with two people."),
    "hold": ("unbroken.cli.hold", "app", "Keep what a matter needs from being destroyed."),
    "retention": ("unbroken.cli.retention", "app", "Say how long content is kept, and let go of it in time."),
    "disposal": ("unbroken.cli.disposal", "app", "Review and approve what is to go because its time is over."),
    "registry": ("unbroken.cli.registry", "app", "Say what tools and data are, and how their data is treated."),
    "vault": ("unbroken.cli.vault", "app", "Set up and look after the keys that originals are sealed to."),
    "redact": ("unbroken.cli.redact", "redact", "Try redaction on a file: what would be masked, and why."),
    "spool": ("unbroken.cli.spool", "app", "See and send what was kept while a log could not be reached."),
    "unlock": ("unbroken.cli.unlock", "unlock", "End a session that keeps others from recording."),
    "recover": ("unbroken.cli.recover", "recover", "Erase again what a restore brought back, and open reading."),
    "db": ("unbroken.cli.db", "app", "Check a database, clear out what was erased, print scripts."),
    "status": ("unbroken.cli.status", "status", "Tell how a log is doing, in text and in the exit code."),
}
"""Name: module, what it offers (a function or a Typer), and the first sentence of its help."""


class _Commands(TyperGroup):
    """Lists commands by what stands above, and imports the one that is run."""

    def resolve_command(self, ctx: Any, args: Any) -> Any:
        name, listed, rest = super().resolve_command(ctx, args)
        return name, listed if name is None else load(name), rest


app = typer.Typer(
    cls=_Commands,
    no_args_is_help=True,
    # Plain text: it reads the same in a pager, a narrow window and a file.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def load(name: str) -> Any:
    """The command ``name`` with its options."""
    module, attribute, _ = COMMANDS[name]
    found = getattr(import_module(module), attribute)
    holder = typer.Typer(add_completion=False, rich_markup_mode=None)
    holder.callback()(_nothing)
    if isinstance(found, typer.Typer):
        holder.add_typer(found, name=name)
    else:
        holder.command(name)(found)
    group: Any = typer.main.get_command(holder)
    return group.commands[name]


def _nothing() -> None: ...


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"unbroken {unbroken.__version__}")
        raise typer.Exit


@app.callback()
def _unbroken(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """A tamper-evident log of what AI agents did, kept in PostgreSQL.

    Every entry holds the hash of the one before it, so that a change, a gap or
    a swap is found by whoever verifies the log.

    \b
    First steps, with nothing set up:
      unbroken demo
      unbroken init
      unbroken import chat conversations.json
      unbroken sessions
      unbroken verify

    The log is looked for in --store (or UNBROKEN_STORE): a folder, or the
    connection string of a PostgreSQL. Exit codes: 2 for wrong usage or a
    database that can't be reached; the others stand in each command's help.
    """


for _name, (_, _, _summary) in COMMANDS.items():
    app.command(_name, help=_summary)(_nothing)
