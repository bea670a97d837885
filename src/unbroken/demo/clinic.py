"""A small clinic with invented people: what the agent's tools work on. Knows nothing of any recording."""

from dataclasses import dataclass
from typing import TypeAlias

Row: TypeAlias = dict[str, str]


class ClinicError(Exception):
    """What a caller asks for can't be done."""


class UnknownPatientError(ClinicError):
    """Nobody here has this name and date of birth, or this number."""


class SlotTakenError(ClinicError):
    """Somebody else has this appointment."""


@dataclass(frozen=True)
class Patient:
    """One patient's record."""

    number: str
    name: str
    born: str
    medication: str
    allergies: str


@dataclass
class Slot:
    """A time at which a doctor is there; ``patient`` is the number of whoever has it."""

    number: str
    doctor: str
    time: str
    patient: str | None = None


class Clinic:
    """Patients, appointments and the messages that were sent, in memory."""

    def __init__(self) -> None:
        people = (
            Patient("P-1042", "Nora Lindqvist", "12 May 1968", "ramipril 5 mg, one in the morning", "penicillin"),
            Patient("P-1077", "Tomas Vega", "3 November 1990", "none", "none"),
            Patient("P-1090", "Ida Brandt", "27 February 1981", "levothyroxine 75 µg, one in the morning", "none"),
        )
        times = (
            Slot("S-17", "Okafor", "Tuesday 09:20"),
            Slot("S-18", "Okafor", "Thursday 10:40"),
            Slot("S-21", "Sato", "Monday 08:00"),
            Slot("S-22", "Sato", "Monday 16:30"),
        )
        self._patients = {patient.number: patient for patient in people}
        self._slots = {slot.number: slot for slot in times}
        self._sent: list[tuple[str, str]] = []

    def find(self, name: str, born: str) -> Row:
        """The number of the patient with this name and date of birth."""
        for patient in self._patients.values():
            if (patient.name, patient.born) == (name, born):
                return {"patient_id": patient.number}
        raise UnknownPatientError("no patient with this name and date of birth")

    def record(self, number: str) -> Row:
        """What the clinic knows of a patient's health."""
        patient = self._patient(number)
        return {"allergies": patient.allergies, "medication": patient.medication}

    def free(self, doctor: str) -> list[Row]:
        """The doctor's appointments that nobody has."""
        mine = [slot for slot in self._slots.values() if slot.doctor == doctor and slot.patient is None]
        return [{"slot_id": slot.number, "time": slot.time} for slot in mine]

    def book(self, number: str, slot_number: str) -> Row:
        """Gives an appointment to a patient."""
        slot, patient = self._slots[slot_number], self._patient(number)
        if slot.patient is not None:
            raise SlotTakenError(f"{slot.time} with Dr {slot.doctor} has just been taken")
        slot.patient = patient.number
        return {"doctor": slot.doctor, "patient_id": patient.number, "time": slot.time}

    def mail(self, address: str, text: str) -> Row:
        """Sends a message to whoever reads what comes to an address."""
        self._sent.append((address, text))
        return {"message": f"M-{len(self._sent)}"}

    def _patient(self, number: str) -> Patient:
        try:
            return self._patients[number]
        except KeyError as error:
            raise UnknownPatientError("no patient with this number") from error
