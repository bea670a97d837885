"""What an agent's author records through: a trail, its sessions and turns, model calls and tools."""

from unbroken.capture.aio import AsyncModelCall, AsyncSession, AsyncTurn
from unbroken.capture.model_call import ModelCall
from unbroken.capture.session import Session
from unbroken.capture.trail import Trail
from unbroken.capture.turn import Turn

__all__ = ["AsyncModelCall", "AsyncSession", "AsyncTurn", "ModelCall", "Session", "Trail", "Turn"]
