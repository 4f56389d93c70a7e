"""A WhatsApp to test against: `FakeWhatsApp` takes what a channel sends and posts signed webhooks like Meta.

In a process of its own: `python -m bot.testing.whatsapp --port N --target URL --secret S --log FILE`.
"""

from bot.testing.whatsapp import faults
from bot.testing.whatsapp.bodies import Sent
from bot.testing.whatsapp.faults import Fault
from bot.testing.whatsapp.server import PHONE_ID, SECRET, TOKEN, FakeWhatsApp
from bot.testing.whatsapp.vendor import Posted, Vendor, person

__all__ = ["PHONE_ID", "SECRET", "TOKEN", "FakeWhatsApp", "Fault", "Posted", "Sent", "Vendor", "faults", "person"]
