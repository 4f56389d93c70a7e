"""WhatsApp through Meta's Cloud API: the way in (signature, parser, receiving, webhook), the way out (sender), the simulator.

Nothing is exported here that brings a server or pywa along: `webhook` and `sender` are imported where they are used.
"""

from bot.channels.whatsapp.parser import CHANNEL, Parsed, parse
from bot.channels.whatsapp.signature import sign, verify

__all__ = ["CHANNEL", "Parsed", "parse", "sign", "verify"]
