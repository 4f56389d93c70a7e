// The conversation on the page. Whatever anybody wrote is put in as text and nothing else.
const NEAR = 80; // pixels from the end within which the view stays at the end
const SVG = "http://www.w3.org/2000/svg";

export const element = (name, className, ...children) => {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children);
  return made;
};
export const icon = (name) => {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "i");
  svg.setAttribute("aria-hidden", "true");
  svg.append(document.createElementNS(SVG, "use"));
  svg.firstChild.setAttribute("href", `#i-${name}`);
  return svg;
};

export class Log {
  #parts;
  #rows = new Map(); // id or key -> { message, state, row }
  #isFirst = true;
  #unseen = 0;
  #wasAtEnd = true;
  #time;
  #date;

  /** parts: view, list, more, moreText (elements), say(name, values), language, tap(button, message). */
  constructor(parts) {
    this.#parts = parts;
    this.#time = new Intl.DateTimeFormat(parts.language, { hour: "2-digit", minute: "2-digit" });
    this.#date = new Intl.DateTimeFormat(parts.language, { weekday: "long", day: "numeric", month: "long" });
    parts.view.addEventListener("scroll", () => {
      this.#wasAtEnd = this.#isAtEnd();
      if (this.#wasAtEnd) this.#seen();
    }, { passive: true });
    // Where the field below grows, or the keyboard of a phone comes up, the last words stay in view.
    new ResizeObserver(() => { if (this.#wasAtEnd) this.#toEnd(); }).observe(parts.view);
    parts.more.addEventListener("click", () => { this.#toEnd(); parts.view.focus(); });
  }

  get isEmpty() { return this.#rows.size === 0; }

  /** The id of the last message that came from the server. */
  get newest() {
    let newest = "";
    for (const { message } of this.#rows.values()) if (message.id > newest) newest = message.id;
    return newest;
  }

  /** What the server has, in its order. Each message is known by its id, and one of this page's by its key. */
  show(messages) {
    let fresh = 0;
    this.keepEnd(() => {
      for (const message of messages) {
        const known = (message.key && this.#rows.get(message.key)) || this.#rows.get(message.id);
        if (!known && message.from !== "customer") fresh += 1;
        this.#put(message, message.heard ? "heard" : "sent", known);
      }
      if (messages.length) this.#arrange();
    });
    if (!this.#isFirst && fresh && !this.#isAtEnd()) this.#tellOfNew(fresh);
    if (this.#isFirst) this.#begin();
  }

  /** What was just written here. */
  pending(message, state) {
    this.#put({ id: "", ...message }, state, this.#rows.get(message.key));
    this.#arrange();
    this.#toEnd();
  }

  mark(key, state) {
    const known = this.#rows.get(key);
    if (known) this.#setState(known, state);
  }

  markAll(state) {
    for (const known of this.#rows.values()) if (!known.message.id && ["sending", "waiting"].includes(known.state)) this.#setState(known, state);
  }

  fail(key, why) {
    const known = this.#rows.get(key);
    if (known) this.#setState(known, "failed", why);
  }

  /** Does something that changes the height; who was at the end stays there. */
  keepEnd(change) {
    const wasAtEnd = this.#isAtEnd();
    change();
    if (wasAtEnd) this.#toEnd();
  }

  #put(message, state, known) {
    const row = known?.row ?? element("li", "said");
    const entry = { message, state, row };
    if (known) for (const name of [known.message.key, known.message.id]) if (name) this.#rows.delete(name);
    this.#rows.set(message.key || message.id, entry);
    row.dataset.from = message.from;
    const bubble = element("p", "bubble", element("bdi", "sr", `${this.#parts.say(`from_${message.from}`)}: `), message.text);
    bubble.dir = "auto"; // of what was written: a bdi does not count
    const meta = element("p", "said-meta");
    row.replaceChildren(...(message.files ?? []).map((file) => this.#file(file)), ...(message.text ? [bubble] : []), ...(message.buttons ? [this.#choices(message)] : []), meta);
    this.#setState(entry, state);
  }

  /** A picture is shown, anything else is a link; while it has no address yet, its name. */
  #file({ kind, name, url }) {
    const link = element(url ? "a" : "span", "said-file");
    if (url) Object.assign(link, { href: url, target: "_blank", rel: "noopener" });
    if (url && kind === "image") {
      const picture = Object.assign(element("img", "said-picture"), { src: url, alt: name, loading: "lazy" });
      picture.addEventListener("load", () => { if (this.#wasAtEnd) this.#toEnd(); });
      link.append(picture);
    } else {
      link.append(icon("clip"), element("bdi", "", name));
    }
    return link;
  }

  #choices(message) {
    const list = element("ul", "said-choices");
    for (const button of message.buttons) {
      const choice = element("button", "btn said-choice", button.title);
      choice.type = "button";
      choice.dir = "auto";
      choice.dataset.choice = button.id;
      choice.addEventListener("click", () => this.#parts.tap(button, message));
      list.append(element("li", "", choice));
    }
    return list;
  }

  #setState(entry, state, why = "") {
    entry.state = state;
    const { message, row } = entry;
    row.classList.toggle("said-failed", state === "failed");
    const parts = [];
    if (message.from === "ai" || message.from === "op") parts.push(this.#mark(message.from), " · ");
    const time = element("time", "", this.#time.format(new Date(message.at)));
    time.dateTime = message.at;
    parts.push(time);
    if (message.from === "customer") parts.push(this.#receipt(state, why));
    row.querySelector(".said-meta").replaceChildren(...parts);
  }

  #mark(from) {
    const mark = element("span", "", this.#parts.say(`from_${from}`));
    mark.dataset.tone = from;
    return mark;
  }

  #receipt(state, why) {
    const drawn = { sending: "clock", waiting: "clock", sent: "check", heard: "checks", failed: "warn" }[state];
    const receipt = element("span", "row", icon(drawn));
    const text = state === "failed" ? why : this.#parts.say(state);
    receipt.append(element("span", ["sending", "sent", "heard"].includes(state) ? "sr" : "", text));
    if (state === "failed") receipt.dataset.tone = "bad";
    if (state === "waiting") receipt.dataset.tone = "wait";
    return receipt;
  }

  /** In the order of ids, what has none yet at the end; a line wherever a day begins; which choices are taken. */
  #arrange() {
    const entries = [...this.#rows.values()].sort((a, b) => order(a.message, b.message));
    const wanted = [];
    let day = "";
    for (const { message, row } of entries) {
      const at = new Date(message.at);
      if (at.toDateString() !== day) {
        day = at.toDateString();
        wanted.push(this.#day(at));
      }
      wanted.push(row);
    }
    // Rows that are in their place already stay untouched: a reader of the screen would say them again.
    const { list } = this.#parts;
    wanted.forEach((node, index) => { if (list.children[index] !== node) list.insertBefore(node, list.children[index] ?? null); });
    while (list.children.length > wanted.length) list.lastChild.remove();
    this.#markChosen(entries);
  }

  #days = new Map();
  #day(at) {
    const key = at.toDateString();
    const isToday = key === new Date().toDateString();
    if (!this.#days.has(key)) this.#days.set(key, element("li", "day", isToday ? this.#parts.say("today") : this.#date.format(at)));
    return this.#days.get(key);
  }

  #markChosen(entries) {
    const open = new Map(); // button id -> the entry that shows it last
    for (const entry of entries) {
      for (const button of entry.message.buttons ?? []) open.set(button.id, entry);
      const { choice: taken, asked: id } = entry.message;
      const asked = entry.state !== "failed" && taken && (this.#rows.get(id) ?? open.get(taken));
      if (!asked) continue;
      for (const choice of asked.row.querySelectorAll(".said-choice")) {
        choice.disabled = true;
        choice.toggleAttribute("data-chosen", choice.dataset.choice === taken);
      }
    }
  }

  #begin() {
    this.#isFirst = false;
    this.#toEnd();
    // Only what comes from now on is read out.
    requestAnimationFrame(() => this.#parts.list.setAttribute("aria-live", "polite"));
  }

  #tellOfNew(fresh) {
    this.#unseen += fresh;
    this.#parts.moreText.textContent = this.#parts.say(this.#unseen === 1 ? "new_one" : "new_many", { count: this.#unseen });
    this.#parts.more.hidden = false;
  }

  #seen() {
    this.#unseen = 0;
    this.#parts.more.hidden = true;
  }

  #isAtEnd() {
    const { view } = this.#parts;
    return view.scrollHeight - view.scrollTop - view.clientHeight < NEAR;
  }

  #toEnd() {
    this.#parts.view.scrollTop = this.#parts.view.scrollHeight;
    this.#wasAtEnd = true;
    this.#seen();
  }
}

function order(a, b) {
  if (a.id && b.id) return a.id < b.id ? -1 : 1;
  if (a.id || b.id) return a.id ? -1 : 1;
  return a.at < b.at ? -1 : 1;
}
