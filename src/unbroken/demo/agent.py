"""The clinic's agent: a loop round a model, with ordinary functions as tools, recorded through the public API.

This is the file to copy from. What records are the lines with ``trail``, ``session``, ``turn`` and ``call`` in them;
the rest is what an agent looks like without recording.
"""

import json
from collections.abc import Callable, Iterable
from typing import Any

from unbroken import Trail, Turn
from unbroken.demo.clinic import Clinic, ClinicError, Row
from unbroken.demo.model import Message, ScriptedModel, ToolRequest

INSTRUCTIONS = (
    "You answer the phone of a clinic. Find out who is calling before you read a record. Book appointments, confirm "
    "them by e-mail. Never tell anybody about another person's health, and give no medical advice."
)


def tools_of(clinic: Clinic, trail: Trail) -> list[Callable[..., Any]]:
    """What the agent can do. Each call is in the log before the function runs, and its result after it."""

    @trail.tool
    def find_patient(full_name: str, born: str) -> Row:
        return clinic.find(full_name, born)

    @trail.tool(resource=("patient_record", "patient_id"))
    def read_record(patient_id: str) -> Row:
        return clinic.record(patient_id)

    @trail.tool
    def list_free_slots(doctor: str) -> list[Row]:
        return clinic.free(doctor)

    @trail.tool(side_effect=True, resource=("appointment", "slot_id"))
    def book_appointment(patient_id: str, slot_id: str) -> Row:
        return clinic.book(patient_id, slot_id)

    @trail.tool(side_effect=True)
    def send_confirmation(to: str, text: str) -> Row:
        return clinic.mail(to, text)

    return [find_patient, read_record, list_free_slots, book_appointment, send_confirmation]


class ClinicAgent:
    """Answers one caller."""

    def __init__(self, clinic: Clinic, model: ScriptedModel, *, trail: Trail) -> None:
        self.trail = trail
        self.model = model
        self.tools = {tool.__name__: tool for tool in tools_of(clinic, trail)}
        self.messages: list[Message] = [{"role": "system", "content": INSTRUCTIONS}]

    def talk(self, caller: str, questions: Iterable[str], *, session_id: str) -> None:
        """Answers the questions of one call, one after the other."""
        with self.trail.session(session_id, actor=caller, agent="clinic-agent", agent_version="1.4") as session:
            for question in questions:
                with session.turn(question) as turn:
                    turn.respond(self._answer(question, turn))

    def _answer(self, question: str, turn: Turn) -> str:
        self.messages.append({"role": "user", "content": question})
        while True:
            with turn.model_call(self.model.name, self.messages, tools=list(self.tools)) as call:
                reply = self.model.complete(self.messages, list(self.tools))
                call.result(
                    reply.text,
                    tool_calls=reply.calls or None,
                    input_tokens=reply.input_tokens,
                    output_tokens=reply.output_tokens,
                )
            self.messages.append(reply.message)
            if not reply.tools:
                return reply.text
            self.messages += [self._use(request) for request in reply.tools]

    def _use(self, request: ToolRequest) -> Message:
        try:
            with self.trail.called_as(request.id):
                result = self.tools[request.name](**request.arguments)
        except ClinicError as error:  # the model is told, and can find another way
            result = {"error": str(error)}
        return {"role": "tool", "tool_call_id": request.id, "content": json.dumps(result, ensure_ascii=False)}
