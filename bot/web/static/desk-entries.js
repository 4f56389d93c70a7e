// The timeline's entries: what was said, notes, and changes of hands, along the cord that shows who held it when.
import { button, h, human, icon } from "./desk-dom.js";
import { attachment, besides } from "./desk-files.js";
import { clock, day, has, span, t, word } from "./desk-words.js";

const HOLDERS = { agent: "ai", queue: "nobody", operator: "op" };
const JACKS = { ai: "bot", nobody: "hand", op: "headset" };
const FROM = { customer: "customer", ai: "ai", agent: "op", user: "op", system: "system" };
const RECEIPTS = {
  sending: ["clock", ""], waiting: ["off", "wait"], pending: ["clock", ""], sent: ["check", ""],
  delivered: ["checks", ""], read: ["checks", "op"], failed: ["warn", "bad"], lost: ["warn", "bad"],
};

/** Who held it while each entry was made: told by the changes of hands; before the first known one, by where that came from. */
export function withHolders(entries, now) {
  const first = entries.find(({ kind }) => kind === "handoff");
  let holder = first ? HOLDERS[first.giver.kind] : now;
  return entries.map((entry) => {
    if (entry.kind === "handoff") holder = HOLDERS[entry.taker.kind];
    return { ...entry, holder };
  });
}

/** An entry as the desk shows it; `to`: me (user id), again(entry), drop(entry), grown() when a picture takes its room. */
export function drawn(entry, to) {
  if (entry.kind === "day") return h("li", { class: "day", "data-holder": entry.holder }, day(entry.at));
  if (entry.kind === "handoff") return handoff(entry, to);
  if (entry.kind === "note") return note(entry, to);
  return message(entry, to);
}

function handoff(entry, to) {
  const holder = HOLDERS[entry.taker.kind];
  const who = { name: entry.user?.name || t("somebody"), from: nameOf(entry.giver, to), to: nameOf(entry.taker, to) };
  const isMine = entry.user?.id === to.me;
  const cause = has(`did_${entry.cause}_me`) && isMine ? `did_${entry.cause}_me` : `did_${entry.cause}`;
  return h("li", { class: "event", "data-holder": holder },
    h("span", { class: "jack" }, icon(JACKS[holder])),
    h("span", {}, h("strong", {}, has(cause) ? t(cause, who) : t(`did_${holder}`, who)), has(cause) ? "" : ` · ${word("cause", entry.cause)}`),
    entry.reason && human("span", `“${entry.reason}”`, { class: "soft" }),
    h("span", { class: "quiet" }, clock(entry.at), entry.waited_ms ? ` · ${t("had_waited", { time: span(Math.round(entry.waited_ms / 1000)) })}` : ""));
}

function nameOf({ kind, id, name }, to) {
  if (kind === "agent") return t("the_ai");
  if (kind === "queue") return t("queue_of", { skill: word("skill", name) });
  return id === to.me ? t("to_you") : name;
}

function note(entry, to) {
  const by = entry.user?.id === to.me ? t("you") : entry.user?.name || t("somebody");
  return h("li", { "data-holder": entry.holder },
    h("div", { class: "note" },
      h("p", { class: "over" }, icon("lock", true), t("note_by", { name: by, at: clock(entry.at) })), human("p", entry.text, { class: "said" })));
}

function message(entry, to) {
  const from = FROM[entry.by] ?? "system";
  const isPending = Boolean(entry.state);
  const text = besides(entry);
  return h("li", { class: "msg", "data-from": from, "data-holder": entry.holder },
    h("div", { class: "bubble" },
      (entry.attachments ?? []).map((file) => attachment(file, to.grown)),
      text && human("p", text, { class: "said" }),
      buttons(entry)),
    h("p", { class: "meta" },
      from === "op" && h("span", {}, isPending || entry.user?.id === to.me ? t("you") : entry.user?.name ?? ""),
      from === "ai" && h("span", { class: "tone" }, t("from_ai")),
      from === "system" && h("span", {}, t("from_system")),
      h("time", { datetime: entry.at }, clock(entry.at)),
      entry.start_seconds !== null && entry.start_seconds !== undefined && h("span", { class: "mono" }, span(entry.start_seconds)),
      entry.interrupted && h("span", { class: "receipt", "data-tone": "wait" }, icon("cut"), t("was_interrupted")),
      from !== "customer" && receipt(entry),
      entry.crossed && h("span", { class: "receipt", "data-tone": "wait" }, icon("warn"), t("crossed")),
      entry.state === "lost" && [button(t("send_again"), { look: "btn-s", act: () => to.again(entry) }),
        button(t("to_box"), { look: "btn-s btn-bare", act: () => to.drop(entry) })]));
}

function receipt(entry) {
  const state = entry.state ?? entry.status;
  const [mark, tone] = RECEIPTS[state] ?? [];
  if (!mark) return null;
  const why = entry.why || entry.error || "";
  return h("span", { class: "receipt", "data-tone": tone || null }, icon(mark), t(`receipt_${state}`), why && `: ${why}`);
}

function buttons(entry) {
  const given = (entry.buttons ?? []).filter((one) => one !== entry.text); // a tap says nothing beside the button's own words
  if (!given.length) return null;
  return h("ul", { class: "choices" }, given.map((one) => human("li", one, { class: "choice" })));
}
