"""What each failure of a send means for the delivery: try again, never will, or may have gone out.

Decided by Meta's code and never by its message (CHANNELS 1.7). A test compares the codes with those that pywa knows.
"""

from __future__ import annotations

from typing import NamedTuple

from bot.errors import Reach, SendDelayed, SendError, SendRefused, SendUnconfirmed


class Failure(NamedTuple):
    """Which error of ours it is, the least seconds to wait before the next try, and whom it tells something about."""

    error: type[SendError]
    wait: float = 0.0
    reach: Reach = Reach.MESSAGE


OURS_TO_MEND = 60.0
"""Seconds to wait when the account or its credentials are at fault: somebody must mend it, and no reply may be lost meanwhile."""

DELAYED: dict[int, float] = {
    # Transient: Meta says that it did not take the message.
    1: 0.0,  # unknown API error
    2: 0.0,  # service down or overloaded
    131000: 0.0,  # something went wrong
    131016: 0.0,  # service unavailable
    131052: 0.0,  # media could not be downloaded
    131053: 0.0,  # media could not be uploaded
    # Limits.
    4: 10.0,  # calls of the app
    613: 10.0,  # calls of one kind
    80007: 10.0,  # of the business account
    130429: 1.0,  # messages per second of the number
    131048: OURS_TO_MEND,  # too many of ours were blocked or reported
    131056: 4.0,  # from this number to this person: 4^n s, so 4 s at the very least
    131064: OURS_TO_MEND,  # messaging limit lowered for misused templates
    # Credentials and permissions.
    **dict.fromkeys((0, 3, 10, 190, 131005, *range(200, 300)), OURS_TO_MEND),
    # The account or its number: locked, unpaid, in maintenance, name or certificate not in order.
    **dict.fromkeys((368, 131031, 131037, 131042, 131044, 131045, 131057, 133010), OURS_TO_MEND),
}
"""Seconds by code."""

_REACH = {
    **dict.fromkeys((4, 613, 80007, 130429), Reach.SENDER),
    131056: Reach.PERSON,
    **dict.fromkeys((131048, 131052, 131053, 131064), Reach.MESSAGE),
}
"""Of what is delayed by its code; all others are about the vendor, or our account with it."""

REFUSED: frozenset[int] = frozenset(
    {
        100,  # invalid parameter (Graph's own, unknown to pywa); its subcode 33 is apart, see `by_code`
        130472,  # the person is part of an experiment
        130497,  # we may not message this country
        131008,  # parameter missing
        131009,  # parameter invalid
        131021,  # to ourselves
        131026,  # not on WhatsApp, an old client, or we are blocked
        131030,  # a test number may only write to its list
        131047,  # the 24 hours are over: only templates
        131049,  # Meta holds marketing back from this person
        131050,  # they stopped our marketing
        131051,  # message type not supported
        131062,  # this needs a phone number and not a business-scoped id
        131063,  # marketing templates are off for this API
        *(132000, 132001, 132005, 132007, 132008, 132012, 132015, 132016, 132068, 132069),  # templates and forms
        135000,  # something in our parameters
        137000,  # the person's identity key has changed
    }
)

ELSEWHERE: frozenset[int] = frozenset(
    {
        133016,  # registration of a number
        *(*range(138000, 138008), 138009, 138012, 138013, 138018),  # calling
        *range(139000, 139005),  # forms' own administration
        *range(139100, 139104),  # blocking people
        *(131020, 131041, 131059, 131201, 131202, 131204, *range(131207, 131216)),  # groups
        *(2388040, 2388047, 2388073, 2388293, 2388299, 2388019),  # making templates
        *range(147001, 147006),  # user names
        *(2388012, 2388091, 2388093, 2388103, 2494100),  # moving a number
        *(*range(2494164, 2494169), 2494176, 2494177, 2494179),  # signing up
    }
)
"""Codes of other parts of the API, which a send never meets; if it did, trying again would not help."""

_WRONG_NUMBER_ID = (100, 33)
"""Code and subcode of a phone number id that does not exist, or that our token may not use: a setting, not the message."""


def setting_of(code: int, subcode: int | None) -> str:
    """The setting that is to blame for an error; empty where none is."""
    if (code, subcode) == _WRONG_NUMBER_ID:
        return "WHATSAPP_PHONE_ID"
    return "WHATSAPP_TOKEN" if code == 190 else ""


def by_code(code: int, subcode: int | None, status: int, *, transient: bool) -> Failure:
    """The meaning of an error that Meta explained in JSON."""
    if (code, subcode) == _WRONG_NUMBER_ID:
        return Failure(SendDelayed, OURS_TO_MEND, Reach.VENDOR)
    if code in DELAYED:
        return Failure(SendDelayed, DELAYED[code], _REACH.get(code, Reach.VENDOR))
    if code in REFUSED or code in ELSEWHERE:
        return Failure(SendRefused)
    if status == 429:
        return Failure(SendDelayed, reach=Reach.SENDER)
    if transient:
        return Failure(SendDelayed, reach=Reach.VENDOR)
    return Failure(SendUnconfirmed, reach=Reach.VENDOR) if status >= 500 else Failure(SendRefused)


def by_status(status: int) -> Failure:
    """The meaning of an error without Meta's JSON: something in front of the API answered, or the API broke.

    503 and 429 are given before a request is handed on, and a 4xx by something that is not the API at all (a wrong URL, a proxy):
    nothing went out. After a 500, 502 or 504 the message may be on its way: whoever answered lost touch with whoever worked.
    """
    if status == 429:
        return Failure(SendDelayed, reach=Reach.SENDER)
    if status == 503:
        return Failure(SendDelayed, reach=Reach.VENDOR)
    if status >= 500:
        return Failure(SendUnconfirmed, reach=Reach.VENDOR)
    return Failure(SendDelayed, OURS_TO_MEND, Reach.VENDOR)
