"""A transcript's conversation as the events of a session.

=========================  ==================================================================================
in the transcript          becomes
=========================  ==================================================================================
the conversation           ``conversation_started`` (details: where it was read, what the record says beside its
                           messages) and ``conversation_ended`` (details: system messages no model was sent)
a user message             ``request``, which opens a turn
an assistant message       ``model_call`` (inputs: what had been said until then, by reference), ``model_result``
                           (outputs: the message) and, when it asks for no tool and says something, ``response``
a tool call                ``tool_call`` (inputs: the arguments), a side effect where the caller names the tool
a tool message             ``tool_result`` (outputs: the content), caused by the call that it answers; one that answers
                           none has no parent and the details ``{"orphan": true}``
``error`` in a record or   ``error`` (details: what it says)
an assistant message
=========================  ==================================================================================

A tool result has the status ``error`` when the message says so (``is_error: true`` or ``status: "error"``) or when its
content is a text that begins with ``Error:``; a transcript doesn't say that a call went well, so otherwise it has none.
A call without a result stays without one.

``ts`` is what the file says of the time (see :mod:`unbroken.capture.chat_record`), ``recorded_at`` when it came in.

Ids follow from the conversation's identity and from the messages up to the event, under the log's key, so a second
import makes the same ids, whatever else it is told: tools, agent and times stay as they were first recorded.

Messages are referred to as :mod:`unbroken.capture.prompts` says. Their salts are made anew in each import, so where one
completes a conversation of which a part is recorded already, the first ``model_call`` that it adds holds all messages
until then again.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from unbroken.capture.asked import Call
from unbroken.capture.chat_ids import ChatIds
from unbroken.capture.chat_record import Conversation, Message
from unbroken.capture.prompts import Prompt, Prompts, Protect, together
from unbroken.core.keyed import LogKey
from unbroken.core.normalise import Json
from unbroken.ledger.draft import Draft, draft
from unbroken.ledger.protection import Protection

DEFAULT_AGENT: Final = "imported-agent"
_ANONYMOUS: Final = "user"


@dataclass(frozen=True, slots=True)
class Step:
    """One event to be: its deterministic id and its fields.

    ``sent`` counts the messages of a model call; ``unsent`` are those that no model call sent.
    """

    id: str
    event_type: str
    fields: dict[str, Any]
    sent: int | None = None
    unsent: tuple[Json, ...] = ()


def steps_of(
    conversation: Conversation, *, side_effects: Collection[str], agent: str, key: LogKey | None
) -> list[Step]:
    """The conversation's events in order, with ids under the log's ``key``."""
    return list(_Walk(conversation, side_effects, agent, ChatIds.under(key)).steps())


def drafts_of(
    conversation: Conversation,
    steps: Sequence[Step],
    *,
    held: Collection[str],
    key: LogKey | None,
    protection: Protection,
) -> list[Draft]:
    """Drafts of the steps whose ids are not ``held`` by the log already; ``key`` is the log's.

    Raises :class:`InvalidEventError` and :class:`TooLargeError` for what the log can't take.
    """
    messages: list[Json] = [message.body for message in conversation.messages]
    prompts = Prompts()
    drafts = []
    for step in steps:
        if step.id not in held:
            protect = partial(protection.messages, fields={"event_type": step.event_type, **step.fields})
            fields = {**step.fields, **_told(step, messages, prompts, protect, key=key)}
            drafts.append(draft(step.event_type, protection=protection, id=step.id, **fields))
    return drafts


def _told(
    step: Step, messages: Sequence[Json], prompts: Prompts, protect: Protect, *, key: LogKey | None
) -> dict[str, object]:
    """What a step tells of messages, each as ``protect`` lets it be stored."""
    if step.sent is not None:
        return _prompt(prompts.refer(messages[: step.sent], protect=protect), prompts, key)
    if step.unsent:
        return {"details": together(protect(step.unsent), lambda messages: {"unsent": messages})}
    return {}


def _prompt(prompt: Prompt, prompts: Prompts, key: LogKey | None) -> dict[str, object]:
    """The prompt counts as recorded at once, because all drafts of a conversation are recorded together."""
    prompts.recorded(prompt)
    details: dict[str, object] = {} if prompt.length is None else {"details": {"prompt_length": prompt.length}}
    return {"inputs": prompt.inputs, "prompt_hash": prompt.keyed_hash(key), **details}


@dataclass
class _Turn:
    """A request and all that it caused; what comes before the first request belongs to a turn without one."""

    id: str
    cause: str


@dataclass(frozen=True, slots=True)
class _Pending:
    """A tool call that waits for its result."""

    step_id: str
    turn_id: str
    call: Call


@dataclass
class _Walk:
    """One pass over the messages, which remembers the open turn and the calls that wait for results."""

    conversation: Conversation
    side_effects: Collection[str]
    agent: str
    ids: ChatIds
    turn: _Turn | None = None
    turns: int = 0
    pending: list[_Pending] = field(default_factory=list)
    started: str = ""

    def steps(self) -> Iterator[Step]:
        yield self._start()
        for index, message in enumerate(self.conversation.messages):
            match message.role:
                case "user":
                    yield self._request(message)
                case "assistant":
                    yield from self._answer(message, index)
                case "tool" | "function":
                    yield self._tool_result(message)
                case _:
                    pass  # A system message is part of the next model call.
        yield from self._end()

    def _start(self) -> Step:
        place, rest = self.conversation.place, self.conversation.rest
        source: dict[str, object] = {"file": Path(place.file).name, "occurrence": self.conversation.occurrence}
        source |= {key: at for key, at in (("line", place.line), ("item", place.item)) if at is not None}
        details = {"record": rest, "source": source} if rest else {"source": source}
        step = self._step("conversation_started", b"", self.conversation.messages[0].at, details=details)
        self.started = step.id
        return step

    def _request(self, message: Message) -> Step:
        turn = self._new_turn(self.started)
        step = self._message_step("request", message, turn, inputs=message.body.get("content"))
        turn.cause = step.id
        return step

    def _new_turn(self, cause: str) -> _Turn:
        self.turns += 1
        self.turn = _Turn(f"turn-{self.turns}", cause)
        return self.turn

    def _answer(self, message: Message, index: int) -> Iterator[Step]:
        turn = self.turn or self._new_turn(self.started)
        model = _text(message.body.get("model")) or self.conversation.model
        call = self._message_step("model_call", message, turn, parent_id=turn.cause, model=model, sent=index)
        yield call
        outputs = {key: value for key, value in message.body.items() if key != "role"}
        usage = _usage(message.body)
        result = self._message_step(
            "model_result", message, turn, parent_id=call.id, model=model, outputs=outputs, **usage
        )
        yield result
        for number, asked in enumerate(message.calls):
            yield self._tool_call(message, asked, turn, cause=result.id, number=number)
        if message.body.get("error"):
            details = {"error": message.body["error"]}
            yield self._message_step("error", message, turn, parent_id=call.id, details=details)
        if message.body.get("content") and not message.calls:
            content = message.body["content"]
            yield self._message_step("response", message, turn, parent_id=result.id, outputs=content)

    def _tool_call(self, message: Message, call: Call, turn: _Turn, *, cause: str, number: int) -> Step:
        step = self._message_step(
            "tool_call",
            message,
            turn,
            parent_id=cause,
            number=number,
            tool=call.tool,
            call_id=call.call_id,
            side_effect=call.tool in self.side_effects,
            inputs=call.arguments,
        )
        self.pending.append(_Pending(step.id, turn.id, call))
        return step

    def _tool_result(self, message: Message) -> Step:
        body = message.body
        call_id, tool = _text(body.get("tool_call_id")), _text(body.get("name"))
        answered = self._answered(call_id, tool)
        turn = self.turn or self._new_turn(self.started)
        fields: dict[str, Any] = {"outputs": body.get("content"), "status": "error" if _says_error(body) else None}
        if answered is None:
            return self._message_step(
                "tool_result", message, turn, call_id=call_id, tool=tool, details={"orphan": True}, **fields
            )
        self.pending.remove(answered)
        return self._message_step(
            "tool_result",
            message,
            _Turn(answered.turn_id, turn.cause),
            parent_id=answered.step_id,
            call_id=call_id or answered.call.call_id,
            tool=answered.call.tool,
            **fields,
        )

    def _answered(self, call_id: str | None, tool: str | None) -> _Pending | None:
        """The oldest waiting call with the result's id or, where the result has none, with its tool."""
        for waiting in self.pending:
            if waiting.call.call_id == call_id if call_id else waiting.call.tool == tool:
                return waiting
        return None

    def _end(self) -> Iterator[Step]:
        last = self.conversation.messages[-1]
        error = self.conversation.rest.get("error")
        if error:
            yield self._step("error", last.digest, last.at, parent_id=self.started, details={"error": error})
        ended = self._step("conversation_ended", last.digest, last.at, parent_id=self.started)
        yield replace(ended, unsent=tuple(self._unsent()))

    def _unsent(self) -> list[Json]:
        """The system messages after the last model call, which no other event holds."""
        unsent: list[Json] = []
        for message in reversed(self.conversation.messages):
            if message.role == "assistant":
                break
            if message.role in ("system", "developer"):
                unsent.insert(0, message.body)
        return unsent

    def _message_step(
        self, event_type: str, message: Message, turn: _Turn, *, number: int = 0, sent: int | None = None, **fields: Any
    ) -> Step:
        fields.setdefault("parent_id", turn.cause if event_type == "request" else None)
        return self._step(event_type, message.digest, message.at, number=number, sent=sent, turn_id=turn.id, **fields)

    def _step(
        self, event_type: str, digest: bytes, at: datetime, *, number: int = 0, sent: int | None = None, **fields: Any
    ) -> Step:
        conversation = self.conversation
        step_id = self.ids.event(conversation.identity, digest, event_type.encode(), b"%d" % number)
        fields |= {
            "actor_id": conversation.user or _ANONYMOUS,
            "actor_type": "user",
            "agent_id": self.agent,
            "capture": "imported",
            "session_id": conversation.name or self.ids.session(conversation.identity),
            "ts": at,
        }
        return Step(step_id, event_type, fields, sent)


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) and value else None


def _usage(body: dict[str, Json]) -> dict[str, int]:
    """The tokens that an assistant message states, in OpenAI's words."""
    usage = body.get("usage")
    counts = usage if isinstance(usage, dict) else {}
    named = {"input_tokens": counts.get("prompt_tokens"), "output_tokens": counts.get("completion_tokens")}
    return {key: value for key, value in named.items() if isinstance(value, int) and value >= 0}


def _says_error(body: dict[str, Json]) -> bool:
    content = body.get("content")
    return (
        body.get("is_error") is True
        or body.get("status") == "error"
        or (isinstance(content, str) and content.startswith("Error:"))
    )
