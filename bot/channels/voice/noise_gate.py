"""How loud a call's noise is, how loud the voice that speaks into it, and what stands out of the one and is near the other."""

from __future__ import annotations


class NoiseGate:
    """Of one call, on levels (root mean squares of 16 bits).

    The noise is the quietest 20 ms of the last two seconds: who speaks pauses between words, noise does not. What lasts becomes
    noise by itself, and one quiet moment takes that back. The voice is how loud this person's loud syllables are: who is much
    softer is somebody else in the room, or we.
    """

    BEGINS = 1.7
    """Times the noise: speech."""
    BEGINS_OVER_US = 2.2
    """The same while we speak: a line's noise is no reason to fall silent."""
    GOES_ON = 1.3
    """Times the noise: the soft parts of it."""
    NEAR = 0.05
    """Times the voice (-26 dB), at least: this person."""
    NEAR_OVER_US = 0.16
    """The same while we speak (-16 dB): people who interrupt do not whisper."""
    LEAST = 90
    """Quieter than this (-51 dBFS) is nobody who speaks to us."""
    LEAST_OVER_US = 260
    """The same while we speak: what a telephone gives back of our voice is 30 dB and more below it. Of who is known to speak
    softly it is `SOFT_OVER_US` times their voice."""
    SOFT_OVER_US = 0.3
    QUIETEST = 25
    """Noise is taken to be this loud at least; lines that are cut to nothing in pauses would make everything loud."""

    _BLOCK = 20
    _BLOCKS = 5

    def __init__(self) -> None:
        self.noise = float(self.QUIETEST)
        self.voice = 0.0
        self._blocks = [self.QUIETEST] * 2 + [1 << 16] * (self._BLOCKS - 2)  # what it is, is not known in the first moments
        self._lowest = 1 << 16
        self._left = self._BLOCK

    def hear(self, level: int) -> None:
        """The level of the next moment, 20 ms or a little more."""
        if level < self._lowest:
            self._lowest = level
            if level < self.noise:
                self.noise = max(level, self.QUIETEST)
        self._left -= 1
        if not self._left:
            del self._blocks[0]
            self._blocks.append(self._lowest)
            self._lowest, self._left = 1 << 16, self._BLOCK
            self.noise = max(min(self._blocks), self.QUIETEST)

    def learn_voice(self, level: int) -> None:
        """A voice was this loud while we were silent. Loud ones are believed at once; what is soft, only if it lasts."""
        self.voice += (level - self.voice) * (0.2 if level > self.voice else 0.01)

    def goes_on(self, level: int, we_speak: bool) -> bool:
        """Whether this may be a soft part of speech."""
        return level >= self.noise * self.GOES_ON and self.is_loud(level, we_speak)

    def begins(self, level: int, we_speak: bool) -> bool:
        """Whether it stands out of the noise."""
        return level >= self.noise * (self.BEGINS_OVER_US if we_speak else self.BEGINS)

    def is_loud(self, level: int, we_speak: bool) -> bool:
        """Whether it is loud enough to be meant for us."""
        if level < self.LEAST or not we_speak or level >= self.LEAST_OVER_US:
            return level >= self.LEAST
        return 0.0 < self.voice * self.SOFT_OVER_US <= level

    def is_near(self, level: int, we_speak: bool) -> bool:
        """Whether a voice as loud as this may be the person's."""
        return level >= self.voice * (self.NEAR_OVER_US if we_speak else self.NEAR)
