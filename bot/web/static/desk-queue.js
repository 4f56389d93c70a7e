// The queue: yours, who waits (oldest first), the AI's, what is over; live, paged in as one scrolls.
import { isLive, tick, timer } from "./desk-calls.js";
import { avatar, badge, fill, h, human, icon, keyed } from "./desk-dom.js";
import { holderOf } from "./desk-rows.js";
import { t, waited, when, word } from "./desk-words.js";

const LONG = 10 * 60_000; // somebody has waited too long
const GROUPS = {
  open: [["calls", "bad"], ["mine", "op"], ["snoozed", "op"], ["waiting", "wait"]],
  ai: [["ai", "ai"]],
  team: [["others", "op"]],
  closed: [["closed", ""]],
};
const LOADS = { open: ["mine", "waiting", "calls"], ai: ["ai"], team: ["operators"], closed: ["closed"] };

export class Queue {
  #desk;
  #place;
  #list;
  #tabs;
  #tab = "open";
  #counts = {};
  #loading = new Set();
  #chosen = "";

  constructor(desk, place) {
    this.#desk = desk;
    this.#place = place;
    this.#list = place.querySelector("[data-list]");
    this.#tabs = [...place.querySelectorAll("[role=tab]")];
    for (const tab of this.#tabs) {
      tab.addEventListener("click", () => this.choose(tab.dataset.tab));
      tab.addEventListener("keydown", (event) => this.#moveTab(event));
    }
    this.#list.addEventListener("click", (event) => this.#click(event));
    this.#list.addEventListener("scroll", () => this.#more(), { passive: true });
    setInterval(() => this.#tick(), 1000);
  }

  counts(counts) {
    this.#counts = counts;
    this.#drawCounts();
  }

  /** Shows another tab; what is in it is read anew. */
  async choose(tab) {
    this.#tab = tab;
    for (const one of this.#tabs) {
      const isIt = one.dataset.tab === tab;
      one.setAttribute("aria-selected", String(isIt));
      one.tabIndex = isIt ? 0 : -1;
      if (isIt) this.#list.setAttribute("aria-labelledby", one.id);
    }
    this.draw();
    this.#list.scrollTop = 0;
    await this.refresh();
  }

  /** Reads the lists of this tab anew. */
  refresh() {
    return Promise.all(LOADS[this.#tab].map((view) => this.#load(view, "")));
  }

  open(id) {
    this.#chosen = id;
    for (const row of this.#list.querySelectorAll("[data-id]")) {
      if (row.dataset.id === id) row.setAttribute("aria-current", "true");
      else row.removeAttribute("aria-current");
    }
  }

  draw() {
    const groups = GROUPS[this.#tab].map(([view, tone]) => ({ view, tone, rows: this.#desk.rows.of(view) }));
    const shown = groups.filter(({ view, rows }) => rows.length || ["mine", "waiting"].includes(view) || groups.length === 1);
    keyed(this.#list, shown, {
      key: ({ view }) => view,
      make: (group) => h("section", { "aria-labelledby": `group-${group.view}` },
        h("h2", { class: "group", id: `group-${group.view}` }), h("ul", {}), h("div", { class: "queue-none" })),
      same: () => true,
    });
    shown.forEach((group, index) => this.#drawGroup(this.#list.children[index], group));
    this.#drawCounts();
  }

  /** The neighbours of what is open, for the keys. */
  step(by) {
    const all = [...this.#list.querySelectorAll("[data-id]")];
    const at = all.findIndex((row) => row.dataset.id === this.#chosen);
    const to = all[at < 0 ? 0 : Math.min(all.length - 1, Math.max(0, at + by))];
    if (!to) return;
    to.scrollIntoView({ block: "nearest" });
    this.#desk.open(to.dataset.id, { quietly: true });
  }

  /** Who has waited longest, besides one. */
  firstWaiting(besides = "") { return this.#desk.rows.of("waiting").find(({ id }) => id !== besides); }

  #drawGroup(section, { view, tone, rows }) {
    const [head, list, none] = section.children;
    const count = this.#counts[view] ?? (this.#desk.rows.next(this.#source(view)) ? `${rows.length}+` : rows.length);
    fill(head, h("span", { class: "dot", "data-tone": tone || null }), t(`group_${view}`),
      h("span", { class: "quiet" }, count || "", view === "waiting" && rows.length > 1 ? ` · ${t("oldest_first")}` : ""));
    keyed(list, rows, { key: ({ id }) => id, make: (row) => this.#row(row), same: (element, row) => element.row === row });
    fill(none, rows.length ? null : this.#empty(view));
  }

  /** The view of the API that a group is read from. */
  #source(view) { return { others: "operators", snoozed: "mine" }[view] ?? view; }

  #empty(view) {
    if (!this.#desk.rows.isKnown(this.#source(view))) {
      return h("p", { class: "queue-empty small quiet" }, t("loading"));
    }
    return h("p", { class: "queue-empty small quiet" }, t(`none_${view}`, { ai: this.#counts.ai ?? 0 }));
  }

  #row(row) {
    const holder = holderOf(row);
    const isWaiting = row.status === "waiting";
    const since = row.waiting_since;
    const time = isLive(row) && holder !== "nobody" ? timer(row) : since && holder !== "ai" && row.status !== "closed" && row.status !== "resolved"
      ? h("span", { class: "badge wait-time", "data-since": since, title: t("waits_since", { at: when(since) }) }, icon("clock", true), h("span", {}))
      : h("span", { class: "tiny quiet" }, row.last ? when(row.last.at) : "");
    const said = row.last ? `${row.last.by === "customer" ? "" : `${word("by", row.last.by)}: `}${row.last.text}` : t("nothing_said");
    const tags = [
      isWaiting && row.reason && badge(word("cause", row.reason), row.reason === "sentiment" ? "bad" : "wait"),
      row.priority !== "medium" && badge(word("priority", row.priority), row.priority === "low" ? "line" : "bad"),
      row.language && badge(row.language.toUpperCase(), "line"),
      row.category !== "support" && badge(word("category", row.category), "line"),
      holder === "op" && !this.#desk.rows.isMine(row) && row.holder.name && badge(row.holder.name, "op", "headset"),
      ...row.tags.slice(0, 2).map((tag) => badge(tag, "line", "tag")),
    ].filter(Boolean);
    const link = h("a", { class: "rowitem", href: `/desk?c=${encodeURIComponent(row.id)}`, "data-id": row.id, "data-holder": holder,
      "data-unread": row.unread > 0, "aria-current": row.id === this.#chosen ? "true" : null },
    avatar(this.#desk.personOf(row), row.channel),
    h("span", {},
      h("span", { class: "row" }, human("span", this.#desk.nameOf(row), { class: "who cut grow", title: this.#desk.nameOf(row) }), time),
      h("span", { class: "row" }, human("span", said, { class: "snip cut grow" }),
        row.unread > 0 && h("span", { class: "count", "data-tone": holder === "op" ? "op" : "wait", "aria-label": t("unread", { count: row.unread }) }, row.unread)),
      tags.length ? h("span", { class: "row tags" }, tags) : null));
    const item = h("li", {}, link);
    item.row = row;
    this.#tickOne(link);
    return item;
  }

  #tick() {
    if (document.visibilityState !== "visible") return;
    this.#tickOne(this.#list);
    tick(document);
  }

  #tickOne(place) {
    for (const one of place.querySelectorAll("[data-since]")) {
      const text = waited(one.dataset.since);
      const place = one.lastElementChild;
      if (place.textContent !== text) place.textContent = text;
      const tone = Date.now() - Date.parse(one.dataset.since) > LONG ? "bad" : "wait";
      if (one.dataset.tone !== tone) one.dataset.tone = tone;
    }
  }

  #drawCounts() {
    for (const tab of this.#tabs) {
      const place = tab.querySelector(".count");
      const name = tab.dataset.tab === "open" ? "waiting" : tab.dataset.tab;
      const own = name === "team" ? this.#desk.rows.of("mine").length + this.#desk.rows.of("snoozed").length : 0;
      const count = Math.max(0, (this.#counts[name] ?? 0) - own);
      if (place) { place.hidden = !count; place.textContent = count; }
    }
    const waiting = this.#counts.waiting ?? 0;
    document.title = `${waiting ? `(${waiting}) ` : ""}${t("title")} · Switchboard`;
    for (const place of document.querySelectorAll("[data-waiting-count]")) { place.hidden = !waiting; place.textContent = waiting; }
  }

  #click(event) {
    const row = event.target.closest("[data-id]");
    if (!row || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    this.#desk.open(row.dataset.id);
  }

  #more() {
    if (this.#list.scrollTop + this.#list.clientHeight < this.#list.scrollHeight - 800) return;
    for (const view of LOADS[this.#tab]) {
      const next = this.#desk.rows.next(view);
      if (next) { this.#load(view, next); return; }
    }
  }

  async #load(view, after) {
    if (this.#loading.has(view)) return;
    this.#loading.add(view);
    const asked = performance.now();
    try {
      const page = await this.#desk.api.get(`/conversations?view=${view}&limit=50${view === "mine" ? "&snoozed=true" : ""}${after ? `&after=${encodeURIComponent(after)}` : ""}`);
      this.#desk.rows.load(view, page, { isFirst: !after, asked });
    } catch (error) {
      this.#desk.tell(error);
    } finally {
      this.#loading.delete(view);
    }
  }

  #moveTab(event) {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    const at = this.#tabs.indexOf(event.currentTarget);
    const to = this.#tabs[(at + by + this.#tabs.length) % this.#tabs.length];
    to.focus();
    this.choose(to.dataset.tab);
  }
}
