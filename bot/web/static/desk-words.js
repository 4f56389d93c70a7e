// What the desk says, in the page's language; times as people of that language write them.
const texts = JSON.parse(document.getElementById("desk-texts").textContent);
const language = document.documentElement.lang;

export const t = (name, values = {}) => (texts[name] ?? name).replace(/\{(\w+)\}/g, (whole, blank) => values[blank] ?? whole);
export const has = (name) => name in texts;

const clockFormat = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit" });
const dayFormat = new Intl.DateTimeFormat(language, { weekday: "long", day: "numeric", month: "long" });
const shortFormat = new Intl.DateTimeFormat(language, { day: "numeric", month: "short" });
const unit = (name, unitDisplay = "short") => new Intl.NumberFormat(language, { style: "unit", unit: name, unitDisplay, maximumFractionDigits: 1 });
const units = [[2 ** 20, unit("megabyte")], [2 ** 10, unit("kilobyte")], [1, unit("byte", "long")]]; // as the server counts them
const momentFormat = new Intl.DateTimeFormat(language, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const longFormat = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
const names = new Intl.DisplayNames([language], { type: "language" });

const sameDay = (one, other) => one.toDateString() === other.toDateString();

export const clock = (at) => clockFormat.format(new Date(at));
/** Of today the hour, of another day that too, as short as it goes. */
export const moment = (at) => (sameDay(new Date(at), new Date()) ? clock(at) : momentFormat.format(new Date(at)));
export const long = (at) => longFormat.format(new Date(at));
export const dayOf = (at) => new Date(at).toDateString();
export const day = (at) => (sameDay(new Date(at), new Date()) ? `${t("today")}, ${dayFormat.format(new Date(at))}` : dayFormat.format(new Date(at)));
export const date = (at) => shortFormat.format(new Date(at));
/** Of something lately the hour, of anything else the day. */
export const when = (at) => (sameDay(new Date(at), new Date()) ? clock(at) : date(at));

/** How long ago, as a stopwatch shows it for the first hour. */
export function waited(since) {
  const seconds = Math.max(0, Math.floor((Date.now() - Date.parse(since)) / 1000));
  return span(seconds);
}

export function span(seconds) {
  if (seconds < 3600) return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  const hours = Math.floor(seconds / 3600);
  return hours < 48 ? t("hours", { hours, minutes: Math.floor((seconds % 3600) / 60) }) : t("days", { days: Math.floor(hours / 24) });
}

export function languageName(code) {
  if (!code) return "";
  try { return names.of(code); } catch { return code; }
}

/** How large a file is. */
export function bytes(size) {
  const [one, format] = units.find(([least]) => size >= least) ?? units.at(-1);
  return format.format(size / one);
}

/** A word of ours for something stored, else what is stored. */
export const word = (kind, value) => (value ? (has(`${kind}_${value}`) ? t(`${kind}_${value}`) : String(value).replaceAll("_", " ")) : "");
