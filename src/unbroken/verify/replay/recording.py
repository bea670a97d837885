"""Which login a recorder belongs to, and what agents were last seen to use: told by every entry of a recorder."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from unbroken.core.times import is_time, parse_time
from unbroken.verify.replay.act import Statement
from unbroken.verify.replay.model_call import ModelCall, Seen, seen_after
from unbroken.verify.replay.table import NEAR, Found, Row, Table


class Recorder(Row):
    """A recorder, which belongs to the login that used it first, with entry ``seq``."""

    recorder: str
    login: str
    seq: int
    bound_at: str | None = None


class Recorders(Table[Recorder]):
    """A row for each recorder that an entry names; a log that was continued has those of before as well."""

    name = "recorders"
    row = Recorder
    made = "seq"
    is_summed = True

    def __init__(self) -> None:
        super().__init__()
        self._is_continued = False

    @property
    def hears(self) -> Mapping[str, Callable[[Statement], None]]:
        named = dict.fromkeys(("log.recorder_stopped", "log.gap"), self._named)
        return {**named, "log.continued": self._continued}

    def is_lawful(self, found: Found) -> bool:  # noqa: ARG002 - which ones there were no entry says
        return self._is_continued

    def agrees(self, column: str, row: Recorder, value: Any) -> bool:
        if column == "bound_at" and self._is_continued:
            return isinstance(value, str) and is_time(value) and parse_time(value) <= row.times[column] + NEAR
        return super().agrees(column, row, value)

    def key(self, found: Found) -> str:
        return str(found["recorder"])

    def use(self, recorder: str, login: str, *, seq: int, at: datetime) -> None:
        """Takes note of an entry that a login recorded, or that tells of its recorder."""
        known = self.rows.get(recorder)
        if known is None or seq < known.seq:
            self.rows.put(recorder, Recorder(recorder=recorder, login=login, seq=seq, times={"bound_at": at}))

    def _continued(self, _: Statement) -> None:
        self._is_continued = True

    def _named(self, told: Statement) -> None:
        recorder = told.text("recorder")
        if recorder is not None:
            self.use(recorder, told.login, seq=told.seq, at=told.at)


class Agent(Row):
    """What an agent, in a version, was last seen to use with a template."""

    agent_id: str
    agent_version: str
    template: str
    prompt: str | None
    model: str | None
    seq: int


class Agents(Table[Agent]):
    """A row for each agent, version and template; it follows the calls that differ from the one before.

    Where calls were erased nobody can tell any more which template they named: of such an agent a row is held against
    the call that it names, and ``doubtful`` collects those rows.
    """

    name = "agents"
    row = Agent
    made = "seq"
    is_summed = True

    def __init__(self) -> None:
        super().__init__()
        self._erased: set[tuple[str, str]] = set()
        self.doubtful: list[Found] = []

    def key(self, found: Found) -> str:
        return _key(found["agent_id"], found["agent_version"], found["template"])

    def hear(self, call: ModelCall) -> None:
        """Takes note of one call."""
        if call.template is None:
            self._erased.add((call.agent_id, call.agent_version))
            return
        key = _key(call.agent_id, call.agent_version, call.template)
        row = self.rows.get(key)
        before = None if row is None else Seen(row.prompt, row.model, row.seq)
        seen = seen_after(before, call)
        if seen != before:
            agent = Agent(
                agent_id=call.agent_id,
                agent_version=call.agent_version,
                template=call.template,
                prompt=seen.prompt,
                model=seen.model,
                seq=seen.seq,
            )
            self.rows.put(key, agent)

    def is_doubtful(self, found: Found) -> bool:
        """Whether entries don't tell any more what the row must say."""
        return (found["agent_id"], found["agent_version"]) in self._erased


def says(call: ModelCall | None, found: Found) -> bool:
    """Whether a row may have been filled by this call, as far as that can still be told."""
    return (
        call is not None
        and (call.agent_id, call.agent_version) == (found["agent_id"], found["agent_version"])
        and call.template in (None, found["template"])
        and call.prompt in (None, found["prompt"])
        and call.model in (None, found["model"])
    )


def _key(*names: object) -> str:
    return "\x00".join(map(str, names))
