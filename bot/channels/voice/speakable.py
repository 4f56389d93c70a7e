"""A written text as it is read out: without Markdown, emoji, sources and the machinery of addresses; figures in words."""

from __future__ import annotations

import re
import unicodedata

from bot.channels.voice.wording import worded
from bot.services.quoting import without_sources

# Models repeat themselves without end, and callers make them: no pattern here takes longer than some times the length of a text.
_LINK = re.compile(r"!?\[([^\[\]]*)\]\(\s*[^\s)]{1,500}(?:\s+\"[^\"]*\")?\s*\)")
_URL = re.compile(r"https?://(?:www\.)?([^\s/?#]+)((?:/[^\s?#]*)?)[^\s]*", re.IGNORECASE)
_LINE_MARK = re.compile(r"(?m)^[^\S\n]*(?:#{1,6}\s+|>\s*|[-*+•]\s+)")
_RULE = re.compile(r"(?m)^[-*_=|: \t]+$")
_EMPHASIS = re.compile(r"(?<!\w)(\*{1,3}|_{1,3}|~~|`{1,3})(?=\S)|(?<=\S)(\*{1,3}|_{1,3}|~~|`{1,3})(?!\w)")
_FENCE = re.compile(r"(?m)^[^\S\n]*```\w*[^\S\n]*$")
_BLANKS = re.compile(r"\s{4,}")
_ENDLESS = re.compile(r"\S{100}(?=\S)")
"""So much of a word that nobody has meant: with blanks within it, it costs no more than any other text."""
_ASIDE = re.compile(r"\s*\(([^()]*)\)")
_ARROW = re.compile(r"\s*(?:→|⇒|->|=>)\s*")


def speakable(text: str, language: str) -> str:
    """A clause, or all of a text, for a voice of this language. Empty where nothing of it can be spoken."""
    text, _ = without_sources(text)
    text = _RULE.sub(" ", _FENCE.sub(" ", _BLANKS.sub("\n", text)))
    text = _URL.sub(_spoken_address, _LINK.sub(r"\1", text))
    text = _EMPHASIS.sub("", _LINE_MARK.sub("", text)).replace("|", ", ")
    text = "".join(map(_spoken_sign, _ARROW.sub(", ", text)))
    text = _ASIDE.sub(r", \1,", worded(_ENDLESS.sub(r"\g<0> ", text), language))
    text = re.sub(r"\s+([,.;:!?।])", r"\1", " ".join(text.split()))
    text = re.sub(r",+(?=[,.;:!?।])|(?<=[.;:!?।]),|^,\s*", "", text)
    return text if any(map(_is_said, text)) else ""


def _spoken_address(found: re.Match[str]) -> str:
    """Of a web address the host and a short path; what stands behind them nobody could note down."""
    host, path = found.group(1), found.group(2)
    whole = found.group()
    tail = whole[len(whole.rstrip(".,;:!?)]")) :]
    address = host + (path if len(path) <= 20 else "")
    return address.rstrip("/.,;:!?)]") + tail


def _spoken_sign(sign: str) -> str:
    """A sign as it is, unless it is a picture or steers a machine. Joiners stay: Indic scripts write with them."""
    category = unicodedata.category(sign)
    if category in ("Cc", "Cs", "Co", "Cn", "Zl", "Zp"):
        return " "
    is_picture = (category == "So" and ord(sign) >= 0x2190) or 0x1F3FB <= ord(sign) <= 0x1F3FF
    return "" if is_picture or 0xFE00 <= ord(sign) <= 0xFE0F or ord(sign) == 0x20E3 else sign


def _is_said(sign: str) -> bool:
    return unicodedata.category(sign)[0] in "LN"
