"""Time, randomness and recording; knows nothing of AI or tokens."""

from simdai.engine.environment import Environment, EventSource
from simdai.engine.recorder import Recorder
from simdai.engine.streams import EntityStream, Streams, stable_key

__all__ = ["EntityStream", "Environment", "EventSource", "Recorder", "Streams", "stable_key"]
