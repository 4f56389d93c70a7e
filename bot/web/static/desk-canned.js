// Canned replies: a word that begins with / finds them; they go into the box, to be read before they are sent.
import { badge, fill, h, human } from "./desk-dom.js";
import { t } from "./desk-words.js";

const WORD = /(^|\s)\/([\p{L}\p{N}_-]*)$/u;

export class Canned {
  #desk;
  #field;
  #place = document.querySelector("[data-canned]");
  #found = [];
  #at = 0;
  #asked = 0;

  constructor(desk) {
    this.#desk = desk;
    this.#field = desk.composer.field;
    this.#field.addEventListener("input", () => this.#look());
    this.#field.addEventListener("keydown", (event) => this.#key(event));
    this.#field.addEventListener("blur", () => setTimeout(() => this.#hide(), 150));
    this.#field.setAttribute("aria-controls", "canned-list");
    this.#field.setAttribute("aria-autocomplete", "list");
  }

  /** From a button or a key: as if a / had been written. */
  begin() {
    const before = this.#field.value.slice(0, this.#field.selectionStart);
    this.#desk.composer.insert(before && !/\s$/.test(before) ? " /" : "/");
    this.#look();
  }

  #typed() {
    const found = WORD.exec(this.#field.value.slice(0, this.#field.selectionStart));
    return found && this.#desk.composer.isReply ? found[2] : null;
  }

  async #look() {
    const typed = this.#typed();
    if (typed === null) { this.#hide(); return; }
    const asked = (this.#asked += 1);
    try {
      const { items } = await this.#desk.api.get(`/canned?beginning=${encodeURIComponent(typed)}`);
      if (asked !== this.#asked || this.#typed() === null) return;
      this.#found = items.slice(0, 8);
      this.#at = 0;
      this.#draw(typed);
    } catch (error) {
      if (!error.isLost) this.#desk.tell(error);
    }
  }

  #draw(typed) {
    this.#place.hidden = false;
    this.#field.setAttribute("aria-expanded", "true");
    const options = this.#found.map((one, index) => h("li", { role: "option", id: `canned-${index}`, "aria-selected": String(index === this.#at),
      on: { mousedown: (event) => { event.preventDefault(); this.#take(index); } } },
    h("span", { class: "mono small" }, `/${one.shortcut.replace(/^\//, "")}`), human("span", one.text, { class: "cut soft", lang: one.language }), badge(one.language.toUpperCase(), "line")));
    fill(this.#place,
      h("p", { class: "over pop-head" }, h("span", {}, this.#found.length ? t("canned_for", { word: `/${typed}` }) : t("no_canned", { word: `/${typed}` })),
        h("span", { class: "quiet not-phone" }, h("kbd", {}, "↑"), " ", h("kbd", {}, "↓"), ` ${t("choose")} `, h("kbd", {}, "Tab"), ` ${t("insert")}`)),
      h("ul", { role: "listbox", id: "canned-list", "aria-label": t("canned") }, options));
    if (this.#found.length) this.#field.setAttribute("aria-activedescendant", `canned-${this.#at}`);
  }

  #key(event) {
    if (this.#place.hidden || event.isComposing) return;
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by && this.#found.length) {
      event.preventDefault();
      this.#at = (this.#at + by + this.#found.length) % this.#found.length;
      this.#draw(this.#typed() ?? "");
    } else if ((event.key === "Tab" || (event.key === "Enter" && !event.ctrlKey && !event.metaKey)) && this.#found.length) {
      event.preventDefault();
      event.stopPropagation();
      this.#take(this.#at);
    } else if (event.key === "Escape") {
      event.stopPropagation();
      this.#hide();
    }
  }

  async #take(index) {
    const one = this.#found[index];
    const to = this.#field.selectionStart;
    const from = to - (this.#typed() ?? "").length - 1;
    this.#hide();
    let { text } = one;
    try {
      ({ text } = await this.#desk.api.post(`/canned/${one.id}/fill`, { conversation_id: this.#desk.talk.id }));
    } catch { /* with its blanks, to be filled in by hand */ }
    this.#desk.composer.insert(text, { from, to });
  }

  #hide() {
    this.#place.hidden = true;
    this.#field.removeAttribute("aria-expanded");
    this.#field.removeAttribute("aria-activedescendant");
  }
}
