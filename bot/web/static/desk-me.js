// How I am: online, busy, away; and how much I hold of what I may be given.
import { fill, h, icon } from "./desk-dom.js";
import { t, word } from "./desk-words.js";

const TONES = { online: "ok", busy: "wait", away: "wait", offline: "" };
const CHOICES = ["online", "busy", "away"];

export class Me {
  #desk;
  #button = document.querySelector("[data-me]");
  #menu = document.querySelector("[data-me-menu]");

  constructor(desk) {
    this.#desk = desk;
    if (!this.#button) return;
    this.#button.addEventListener("click", () => this.#toggle(this.#menu.hidden));
    document.addEventListener("click", (event) => { if (!event.target.closest("[data-me-menu], [data-me]")) this.#toggle(false); });
    this.#menu.addEventListener("keydown", (event) => this.#key(event));
    this.draw();
  }

  draw() {
    if (!this.#button) return;
    const { status, open, most, name } = this.#desk.me;
    const load = most ? t("load", { open, most }) : String(open);
    const text = `${word("presence", status)} · ${load}`;
    fill(this.#button, h("span", { class: "dot", "data-tone": TONES[status] || null }), h("span", { class: "small", "data-load": true }, text), icon("down", true));
    this.#button.setAttribute("aria-label", t("my_status", { name, text }));
    fill(this.#menu, CHOICES.map((one) => h("button", { class: "menu-item", type: "button", role: "menuitemradio", "aria-checked": String(one === status), tabindex: "-1",
      on: { click: () => this.#set(one) } }, h("span", { class: "dot", "data-tone": TONES[one] }), h("span", {}, h("span", { class: "block" }, word("presence", one)), h("span", { class: "tiny quiet" }, t(`presence_${one}_more`))))));
  }

  #toggle(isOpen) {
    this.#menu.hidden = !isOpen;
    this.#button.setAttribute("aria-expanded", String(isOpen));
    if (isOpen) (this.#menu.querySelector("[aria-checked=true]") ?? this.#menu.firstElementChild).focus();
  }

  async #set(status) {
    this.#toggle(false);
    this.#button.focus();
    try {
      await this.#desk.api.put("/me/status", { status });
      this.#desk.me.status = status;
      this.#desk.readMe();
      this.#desk.live.send({ type: "presence" });
    } catch (error) {
      this.#desk.tell(error);
    }
    this.draw();
  }

  #key(event) {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const all = [...this.#menu.children];
    if (by) { event.preventDefault(); all[(all.indexOf(document.activeElement) + by + all.length) % all.length].focus(); }
    if (event.key === "Escape") { event.stopPropagation(); this.#toggle(false); this.#button.focus(); }
  }
}
