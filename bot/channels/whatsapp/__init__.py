"""WhatsApp through Meta's Cloud API: the way in (signature, parser, webhook) and the way out (sender).

`WhatsAppChannel` is in `bot.channels.whatsapp.sender` and not exported here: it brings pywa along (0.4 s of CPU to import),
which a process that only receives, or that has no token, need not pay.
"""

from bot.channels.whatsapp.parser import CHANNEL, Parsed, parse
from bot.channels.whatsapp.signature import sign, verify
from bot.channels.whatsapp.webhook import MAX_BODY, PATH, routes

__all__ = ["CHANNEL", "MAX_BODY", "PATH", "Parsed", "parse", "routes", "sign", "verify"]
