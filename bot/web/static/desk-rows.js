// The conversations that this page knows, by what is true of them now. Whoever shows them asks here.
import { isLive } from "./desk-calls.js";

const BEHIND = { operators: "others" };
const RANKS = { urgent: 0, high: 1, medium: 2, low: 3 };

export class Rows {
  #me;
  #rows = new Map();
  #heard = new Map(); // id -> when this page learned of it
  #ends = {}; // view -> the cursor of what comes next; null: all there is
  #changed;

  constructor(me, changed) {
    this.#me = me;
    this.#changed = changed;
  }

  get(id) { return this.#rows.get(id); }

  /** A page of a view, as the API gives it. The first page of a view says anew what is in it. */
  load(view, { items, next }, { isFirst = false, asked = 0 } = {}) {
    const there = new Set(items.map(({ id }) => id));
    const old = isFirst ? this.of(BEHIND[view] ?? view).filter(({ id }) => !there.has(id) && this.#heard.get(id) < asked) : [];
    for (const { id } of old) this.#rows.delete(id);
    for (const row of items) this.#put(row);
    this.#ends[view] = next;
    this.#changed();
  }

  isKnown(view) { return view in this.#ends; }
  next(view) { return this.#ends[view] ?? null; }

  /** News of one conversation. What is older than what is known is no news. */
  put(row) {
    const before = this.#rows.get(row.id);
    if (!this.#put(row)) return;
    this.#changed(row, before);
  }

  drop(id) {
    if (this.#rows.delete(id)) this.#changed();
  }

  /** A view, in its order. Behind the end of what is loaded it does not go on: what is there comes with the next page. */
  of(view) {
    const found = [...this.#rows.values()].filter((row) => this.is(view, row));
    return found.sort(ORDERS[view] ?? newest);
  }

  is(view, row) {
    const isOver = row.status === "resolved" || row.status === "closed";
    if (view === "closed") return isOver;
    if (isOver) return false;
    if (view === "calls") return isLive(row) && row.holder.kind !== "queue" && !this.isMine(row);
    if (view === "mine") return this.isMine(row) && !isSnoozed(row);
    if (view === "snoozed") return this.isMine(row) && isSnoozed(row);
    if (view === "waiting") return row.holder.kind === "queue";
    if (view === "ai") return row.holder.kind === "agent";
    if (view === "others") return row.holder.kind === "operator" && row.holder.id !== this.#me;
    return true;
  }

  isMine(row) { return row.holder.kind === "operator" && row.holder.id === this.#me && row.status === "assigned"; }

  #put(row) {
    const before = this.#rows.get(row.id);
    if (before && (before.epoch > row.epoch || before.updated_at > row.updated_at)) return false;
    this.#rows.set(row.id, row);
    this.#heard.set(row.id, performance.now());
    return true;
  }
}

const isSnoozed = (row) => Boolean(row.snoozed_until) && Date.parse(row.snoozed_until) > Date.now();
const newest = (one, other) => String(other.updated_at).localeCompare(String(one.updated_at)) || one.id.localeCompare(other.id);
const longest = (one, other) => String(one.waiting_since ?? "~").localeCompare(String(other.waiting_since ?? "~"));
const ORDERS = {
  waiting: (one, other) => RANKS[one.priority] - RANKS[other.priority] || longest(one, other) || one.id.localeCompare(other.id),
  mine: (one, other) => longest(one, other) || newest(one, other),
};

/** Who holds it, in the four words that all colours and shapes follow. */
export const holderOf = (row) => ({ agent: "ai", queue: "nobody", operator: "op" })[row.holder.kind];
