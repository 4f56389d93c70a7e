"""English. Phrases of one meaning are separated by commas."""

from __future__ import annotations

from bot.dialogs.slots.atoms import MIDNIGHT, Atom, Daypart, Kind

_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
)
_TENS = {20: "twenty", 30: "thirty", 40: "forty", 50: "fifty", 60: "sixty", 70: "seventy", 80: "eighty", 90: "ninety"}
_ORDINALS = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth sixteenth "
    "seventeenth eighteenth nineteenth"
)


def _numbers() -> dict[int, str]:
    units = _UNITS.split()
    found = dict(enumerate(units))
    for ten, name in _TENS.items():
        found[ten] = "forty, fourty" if ten == 40 else name
        for unit in range(1, 10):
            found[ten + unit] = f"{name} {units[unit]}, {name}{units[unit]}"
    found[100] = "hundred, a hundred, one hundred"
    return found


def _ordinals() -> dict[int, str]:
    ordinals = _ORDINALS.split()
    found = dict(enumerate(ordinals, 1))
    found[20], found[30], found[31] = "twentieth", "thirtieth", "thirty first"
    for unit in range(1, 10):
        found[20 + unit] = f"twenty {ordinals[unit - 1]}"
    return found


NUMBERS = _numbers()
ORDINALS = _ordinals()

WORDS: dict[Kind, dict[int, str]] = {
    Kind.DAY: {
        0: "today, 2day, todya, todays",
        1: "tomorrow, tomorow, tommorow, tommorrow, tmrw, tmr, tmw, 2morrow, 2moro, tomoro, tomorrows, tomorow's, "
        "tomrrow, tomorro, next day",
        2: "day after tomorrow, the day after tomorrow, overmorrow, day after tmrw, day after",
        -1: "yesterday",
        -2: "day before yesterday, the day before yesterday",
    },
    Kind.WEEKDAY: {
        0: "monday, mondays, moday, monady",
        1: "tuesday, tuesdays, tues, tuseday, teusday, tuesay",
        2: "wednesday, wednesdays, weds, wensday, wednsday, wendesday, wednesay",
        3: "thursday, thursdays, thurs, thur, thrusday, thursady, thurday",
        4: "friday, fridays, firday, firiday, frday",
        5: "saturday, saturdays, saterday, satuday, saturdy",
        6: "sunday, sundays, sundy",
    },
    Kind.SHORT_WEEKDAY: {
        0: "mon",
        1: "tue",
        2: "wed",
        3: "thu",
        4: "fri",
        5: "sat",
        6: "sun",
    },
    Kind.MONTH: {
        1: "january, jan",
        2: "february, feb, febuary, feburary",
        3: "march, mar",
        4: "april, apr",
        5: "may",
        6: "june, jun",
        7: "july, jul",
        8: "august, aug",
        9: "september, sept, sep, setpember",
        10: "october, oct",
        11: "november, nov",
        12: "december, dec",
    },
    Kind.WEEK: {
        0: "this week",
        1: "next week, the next week, following week, the following week, the coming week",
        2: "week after next, the week after next",
    },
    Kind.WEEKEND: {
        0: "weekend, the weekend, this weekend, at the weekend",
        1: "next weekend",
    },
    Kind.IN_MONTH: {
        0: "this month",
        1: "next month, the next month, of next month, the following month",
    },
    Kind.LAST: {
        0: "last",
    },
    Kind.NEXT: {
        1: "next, coming, the next, this coming, following",
    },
    Kind.THIS: {
        0: "this",
    },
    Kind.CLOCK: {
        12: "noon, midday, mid day, at noon, twelve noon, 12 noon",
        MIDNIGHT: "midnight, at midnight, twelve midnight, 12 midnight",
    },
    Kind.AT: {
        1: "around, about, by, after, before, round",
        2: "at, at about, at around, circa, approximately at, any time after, anytime after, @",
    },
    Kind.OCLOCK: {
        0: "oclock, o clock, clock, hrs, h, hr, ish, sharp, on the dot, o' clock",
    },
    Kind.HALF: {
        0: "am, a m",
        12: "pm, p m",
    },
    Kind.PART: {
        Daypart.EARLY: "first thing, first thing in the morning, early morning, early in the morning, bright and early, early am",
        Daypart.DAWN: "at dawn, before dawn",
        Daypart.MORNING: "in the morning, of the morning, that morning, in the mornings, mid morning",
        Daypart.AFTERNOON: "in the afternoon, of the afternoon, that afternoon, in the afternoons, after lunch, mid afternoon, "
        "in the arvo",
        Daypart.EVENING: "in the evening, of the evening, that evening, in the evenings, after work",
        Daypart.NIGHT: "at night, in the night, that night",
        Daypart.NOON: "lunchtime, at lunchtime, lunch time, at lunch, over lunch",
        Daypart.LATE: "end of day, end of the day, eod, by end of day, late afternoon, late in the afternoon, "
        "by close of business, cob",
    },
    Kind.WEAK_PART: {
        Daypart.EARLY: "early",
        Daypart.MORNING: "morning, mornings",
        Daypart.AFTERNOON: "afternoon, afternoons",
        Daypart.EVENING: "evening, evenings, eve",
        Daypart.NIGHT: "night, nite",
    },
    Kind.MINUTES: {
        30: "half",
        15: "quarter, a quarter",
    },
    Kind.PAST: {
        0: "past, after the hour",
    },
    Kind.TO: {
        0: "to, till, til, of the hour, before the hour",
    },
    Kind.UNIT: {
        1: "minute, minutes, min, mins",
        60: "hour, hours",
    },
    Kind.DAYS: {
        1: "day, days",
        7: "week, weeks",
    },
    Kind.MONTHS: {
        1: "month, months",
    },
    Kind.IN: {
        0: "in, within, in about, in around, in like",
    },
    Kind.LATER: {
        0: "from now, hence, from today",
    },
    Kind.SHIFT: {
        1: "later, after that",
        -1: "earlier, sooner, before that",
    },
    Kind.BETWEEN: {
        0: "between, btw, anywhere between",
    },
    Kind.FROM: {
        0: "from",
    },
    Kind.AND: {
        0: "and, &",
    },
    Kind.OR: {
        0: "or",
    },
    Kind.UNTIL: {
        0: "until, through, thru, -",
    },
    Kind.OF: {
        0: "of",
    },
    Kind.THE: {
        0: "the, on the",
    },
    Kind.INSTEAD: {
        0: "no, not, actually, rather, sorry, i mean, instead, nope, better, make it, make that, wait, "
        "scratch that, change it to, oops",
    },
    Kind.REFUSED: {
        1: "i cant, i cannot, i can not, im busy, i am busy, unable",
        0: "cant, cannot, can not, cant do, wont, except, not on, not at, anything but",
    },
    Kind.NOW: {
        0: "now, right now, right away, asap, as soon as possible, immediately, straight away",
    },
    Kind.FILLER: {
        0: "please, pls, plz, thanks, thank you, on, for, then, would be good, is fine, is good, works, "
        "works for me, would work, is ok, is okay, would be great, is best, good morning, good evening, "
        "good afternoon, good night, good day, hi, hello, ok, okay, yes, maybe, perhaps, if possible, an, "
        "exactly, roughly, ideally, say, let's say, lets say, how about, what about, will do, suits me, "
        "local time, my time, it",
    },
    Kind.NOUN: {
        0: "ticket, tickets, people, persons, person, dollar, dollars, cent, cents, euro, euros, pound, pounds, "
        "rupee, rupees, kilo, kilos, kg, miles, gb, mb, items, boxes, orders, bills, times, years, year, stars, "
        "points, street, st, avenue, road, floor, percent, kids, cards, options, lines, thousand, million, "
        "million, pieces, packages, of them, mbps, seats, rooms, months old, apples, main",
    },
}

PHRASES: dict[str, tuple[Atom, ...]] = {
    "tonight": (Atom(Kind.DAY, 0), Atom(Kind.PART, Daypart.NIGHT)),
    "tonite": (Atom(Kind.DAY, 0), Atom(Kind.PART, Daypart.NIGHT)),
    "2nite": (Atom(Kind.DAY, 0), Atom(Kind.PART, Daypart.NIGHT)),
    "this morning": (Atom(Kind.DAY, 0), Atom(Kind.PART, Daypart.MORNING)),
    "this afternoon": (Atom(Kind.DAY, 0), Atom(Kind.PART, Daypart.AFTERNOON)),
    "this evening": (Atom(Kind.DAY, 0), Atom(Kind.PART, Daypart.EVENING)),
    "last night": (Atom(Kind.DAY, -1), Atom(Kind.PART, Daypart.NIGHT)),
    "last week": (Atom(Kind.OTHER),),
    "last month": (Atom(Kind.OTHER),),
    "half an hour": (Atom(Kind.NUMBER, 30), Atom(Kind.UNIT, 1)),
    "half hour": (Atom(Kind.NUMBER, 30), Atom(Kind.UNIT, 1)),
    "a half hour": (Atom(Kind.NUMBER, 30), Atom(Kind.UNIT, 1)),
    "quarter of an hour": (Atom(Kind.NUMBER, 15), Atom(Kind.UNIT, 1)),
    "a quarter of an hour": (Atom(Kind.NUMBER, 15), Atom(Kind.UNIT, 1)),
    "an hour and a half": (Atom(Kind.NUMBER, 90), Atom(Kind.UNIT, 1)),
    "one and a half hours": (Atom(Kind.NUMBER, 90), Atom(Kind.UNIT, 1)),
    "two and a half hours": (Atom(Kind.NUMBER, 150), Atom(Kind.UNIT, 1)),
    "an hour": (Atom(Kind.NUMBER, 60), Atom(Kind.UNIT, 1)),
    "a minute": (Atom(Kind.NUMBER, 1), Atom(Kind.UNIT, 1)),
    "a day": (Atom(Kind.NUMBER, 1), Atom(Kind.DAYS, 1)),
    "a week": (Atom(Kind.NUMBER, 1), Atom(Kind.DAYS, 7)),
    "a week from today": (Atom(Kind.DAY, 7),),
    "a week from tomorrow": (Atom(Kind.DAY, 8),),
    "a month": (Atom(Kind.NUMBER, 1), Atom(Kind.MONTHS, 1)),
    "a fortnight": (Atom(Kind.NUMBER, 2), Atom(Kind.DAYS, 7)),
    "a couple of": (Atom(Kind.NUMBER, 2),),
    "a couple": (Atom(Kind.NUMBER, 2),),
}
