"""G.711 mu-law, as the telephone has it: one byte for each of 8000 samples a second. The only file that knows `audioop`."""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # gone from the standard library in 3.13; `audioop-lts` takes its place
    import audioop

SILENCE = b"\xff"
"""A sample of nothing."""


def decode(sound: bytes) -> bytes:
    """The same sound as linear samples of 16 bits, little-endian."""
    return audioop.ulaw2lin(sound, 2)


def encode(samples: bytes) -> bytes:
    """Linear samples of 16 bits, little-endian, as mu-law. Half a sample at the end is dropped."""
    return audioop.lin2ulaw(samples if len(samples) % 2 == 0 else samples[:-1], 2)


def level(sound: bytes) -> int:
    """How loud it is: the root mean square, 0 to 32124; 0 where there is no sound at all."""
    return audioop.rms(audioop.ulaw2lin(sound, 2), 2)


def level_of(samples: bytes) -> int:
    """The same of linear samples of 16 bits."""
    return audioop.rms(samples, 2)
