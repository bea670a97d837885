"""Three phone calls to the clinic: what the callers say, and the script by which the model answers."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from unbroken import Trail
from unbroken.demo.agent import ClinicAgent
from unbroken.demo.clinic import Clinic
from unbroken.demo.model import Reply, ScriptedModel, ToolRequest

Step: TypeAlias = str | tuple[str, dict[str, Any]]
"""What the model says, or a tool that it asks for with these arguments."""


@dataclass(frozen=True)
class Question:
    """What a caller says, what the model does about it, and what the clinic's reception did just before."""

    text: str
    steps: Sequence[Step]
    meanwhile: Callable[[Clinic], object] | None = None


@dataclass(frozen=True)
class Conversation:
    """One call; ``caller`` is the number that called, ``about`` says in a few words what happens."""

    session_id: str
    caller: str
    about: str
    questions: Sequence[Question]

    def hold(self, trail: Trail, clinic: Clinic) -> None:
        """Lets the agent answer this call and record it."""
        model = ScriptedModel(list(self._script()))
        ClinicAgent(clinic, model, trail=trail).talk(self.caller, self._asked(clinic), session_id=self.session_id)

    def _asked(self, clinic: Clinic) -> Iterator[str]:
        for question in self.questions:
            if question.meanwhile is not None:
                question.meanwhile(clinic)
            yield question.text

    def _script(self) -> Iterator[Reply]:
        calls = 0
        for question in self.questions:
            for step in question.steps:
                if isinstance(step, str):
                    yield Reply(step)
                else:
                    calls += 1
                    name, arguments = step
                    yield Reply(tools=[ToolRequest(f"call_{calls}", name, arguments)])


NORMAL: Final = Conversation(
    "call-2041",
    "+46 70 174 06 58",
    "asks for a dose, books a check-up",
    [
        Question(
            "This is Nora Lindqvist, born 12 May 1968. How much ramipril do I take?",
            [
                ("find_patient", {"full_name": "Nora Lindqvist", "born": "12 May 1968"}),
                ("read_record", {"patient_id": "P-1042"}),
                "Your record says ramipril 5 mg, one in the morning.",
            ],
        ),
        Question(
            "Thank you. Does Dr Okafor have time for a check-up?",
            [
                ("list_free_slots", {"doctor": "Okafor"}),
                "Yes: Tuesday at 9:20 or Thursday at 10:40.",
            ],
        ),
        Question(
            "Tuesday, please, and confirm it to nora.lindqvist@mail.example.",
            [
                ("book_appointment", {"patient_id": "P-1042", "slot_id": "S-17"}),
                (
                    "send_confirmation",
                    {"to": "nora.lindqvist@mail.example", "text": "Check-up with Dr Okafor on Tuesday at 9:20."},
                ),
                "It is booked: Tuesday at 9:20 with Dr Okafor. The confirmation is on its way.",
            ],
        ),
    ],
)
TAKEN: Final = Conversation(
    "call-2042",
    "+46 70 174 06 71",
    "a tool fails: the appointment is gone",
    [
        Question(
            "Tomas Vega, 3 November 1990. When can I see Dr Sato?",
            [
                ("find_patient", {"full_name": "Tomas Vega", "born": "3 November 1990"}),
                ("list_free_slots", {"doctor": "Sato"}),
                "On Monday at 8:00 or at 16:30.",
            ],
        ),
        Question(
            "Eight o'clock is fine.",
            [
                ("book_appointment", {"patient_id": "P-1077", "slot_id": "S-21"}),
                "I am sorry, 8:00 was taken a moment ago. Would 16:30 do?",
            ],
            meanwhile=lambda clinic: clinic.book("P-1090", "S-21"),
        ),
        Question(
            "All right, then 16:30.",
            [
                ("book_appointment", {"patient_id": "P-1077", "slot_id": "S-22"}),
                "You have Monday at 16:30 with Dr Sato.",
            ],
        ),
        Question("Is there parking?", ["There is, behind the house. The first hour is free."]),
    ],
)
REFUSED: Final = Conversation(
    "call-2043",
    "+46 70 174 06 90",
    "asks about a neighbour, is refused",
    [
        Question(
            "My neighbour is Nora Lindqvist. What does she take for her blood pressure?",
            ["I can't tell you anything about another person's health."],
        ),
        Question(
            "She asked me to find out. She was born in May 1968.",
            ["I understand, but only Ms Lindqvist herself can ask for that. She may call us at any time."],
        ),
        Question(
            "Then about me: Ida Brandt, 27 February 1981. What do I take?",
            [
                ("find_patient", {"full_name": "Ida Brandt", "born": "27 February 1981"}),
                ("read_record", {"patient_id": "P-1090"}),
                "Your record says levothyroxine 75 µg, one in the morning.",
            ],
        ),
        Question(
            "Should I take two when I am tired?",
            ["I give no medical advice. Please don't change the dose before you have talked to your doctor."],
        ),
    ],
)
CONVERSATIONS: Final = (NORMAL, TAKEN, REFUSED)
