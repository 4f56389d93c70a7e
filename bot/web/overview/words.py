"""Numbers as people read them, in the language of the page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo

from babel.dates import format_date
from babel.numbers import format_decimal

from bot.web.texts import Texts

_HOUR, _DAY = 60, 24 * 60


@dataclass(frozen=True, slots=True)
class Words:
    """Says numbers in one language, and moments in one zone."""

    t: Texts
    zone: tzinfo

    def number(self, value: float, places: int = 0) -> str:
        """`1,234.5`, with so many places at most."""
        return str(
            format_decimal(round(value, places), format=f"#,##0.{'#' * places}" if places else "#,##0", locale=self.t.language)
        )

    def lasting(self, minutes: float | None) -> str:
        """`40 s`, `1:48 min`, `24 min`, `1 h 40 min`, `2.5 d`; a dash where there is nothing to say."""
        if minutes is None:
            return "–"
        seconds = round(minutes * 60)
        if seconds < 60:
            return self.t("lasting_s", seconds=seconds)
        if seconds < 600:
            return self.t("lasting_min", minutes=f"{seconds // 60}:{seconds % 60:02d}" if seconds % 60 else seconds // 60)
        whole = round(minutes)
        if whole < _HOUR:
            return self.t("lasting_min", minutes=whole)
        if whole < 2 * _DAY:
            minutes_too = "lasting_h" if whole % _HOUR else "lasting_h_even"
            return self.t(minutes_too, hours=whole // _HOUR, minutes=whole % _HOUR)
        return self.t("lasting_d", days=self.number(whole / _DAY, 1))

    def percent(self, share: float | None) -> str:
        return "–" if share is None else self.t("percent", number=self.number(share * 100))

    def money(self, micros: float | None, places: int = 0) -> str:
        """US dollars: with so many places, else with as many as a small amount needs."""
        if micros is None:
            return "–"
        amount = micros / 1_000_000
        digits = places or (2 if amount >= 1 or not amount else 3 if amount >= 0.01 else 5)
        return f"${format_decimal(round(amount, digits), format='#,##0.' + '0' * digits, locale=self.t.language)}"

    def day(self, at: datetime) -> str:
        """`20 Nov`."""
        return str(format_date(at.astimezone(self.zone), format=self.t("day_format"), locale=self.t.language))

    def hour(self, at: datetime) -> str:
        """`08:00`."""
        return f"{at.astimezone(self.zone):%H:%M}"
