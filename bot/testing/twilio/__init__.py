"""A Twilio to test against: its REST API, webhooks that it signs, callers who do what TwiML says, and both kinds of websockets.

async with FakeTwilio(target="http://127.0.0.1:8080") as twilio:
    caller = twilio.caller("+12025550123")
    await caller.calls()
    await caller.says("I need a ticket")
    caller.has_heard("TICKET-")
    await caller.hangs_up()
"""

from bot.testing.twilio.caller import FakeCaller
from bot.testing.twilio.vendor import ACCOUNT_SID, AUTH_TOKEN, OURS, Vendor, new_call_sid

__all__ = ["ACCOUNT_SID", "AUTH_TOKEN", "OURS", "FakeCaller", "Vendor", "new_call_sid"]
