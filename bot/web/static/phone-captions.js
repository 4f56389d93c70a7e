// What is said on the call, as it is said: heard text plain, what was cut off struck through, what is still to come dotted.
import { element, icon } from "./chat-log.js";

export class Captions {
  #list;
  #say;
  #clauses = new Map(); // number -> { span, text }
  #spoken = 0;
  #bubble = null; // of the AI, while it is still speaking
  #mine = null; // of the person, while they are still speaking

  constructor(list, say) {
    this.#list = list;
    this.#say = say;
  }

  clear() {
    this.#list.replaceChildren();
    this.#clauses.clear();
    this.#bubble = null;
    this.#mine = null;
  }

  /** The bot is about to say this. */
  clause({ number, text }) {
    this.#bubble ??= this.#row("ai", this.#say("from_ai"));
    const span = element("span", "coming", this.#bubble.lastChild.childNodes.length ? ` ${text}` : text);
    this.#bubble.lastChild.append(span);
    this.#clauses.set(number, { span, text });
    this.#end();
  }

  /** Everything up to this clause has been heard. */
  played({ number }) {
    this.#spoken = number;
    for (const [one, { span }] of this.#clauses) if (one <= number && span.className === "coming") span.className = "";
  }

  /** It fell silent there: what follows was not heard, and the bot does not remember having said it. */
  stopped({ number, fraction, by_person: byPerson }) {
    for (const [one, { span, text }] of this.#clauses) {
      if (span.className !== "coming") continue;
      if (one < number) { span.className = ""; continue; }
      const until = one === number ? text.slice(0, Math.round(text.length * fraction)).search(/\S*$/) : 0;
      const lead = span.textContent.startsWith(" ") ? " " : "";
      const cut = element("s", "", text.slice(until));
      cut.setAttribute("aria-label", `${this.#say("call_unheard")}: ${text.slice(until)}`);
      span.className = "cut-off";
      span.replaceChildren(lead + text.slice(0, until), cut);
    }
    this.#bubble = null;
    this.note("cut", this.#say(byPerson ? "call_interrupted" : "call_fell_silent"), this.#mine);
  }

  /** The person is speaking; the words so far, where they are known. */
  hearing({ text }) {
    this.#mine ??= this.#row("customer", this.#say("call_you"));
    this.#mine.lastChild.textContent = text || "…";
    this.#end();
  }

  heard({ text }) {
    this.hearing({ text });
    this.#mine = null;
    this.#bubble = null;
  }

  /** Nothing came of what sounded like speech. */
  unheard() {
    this.#mine?.remove();
    this.#mine = null;
  }

  /** How long the answer took. */
  timing(text) { this.#list.append(element("li", "timing", text)); this.#end(); }

  /** What happened; before what they are saying now, where that came of it. */
  note(drawn, text, before = null) {
    this.#list.insertBefore(element("li", "barge", icon(drawn), element("span", "", text)), before);
    this.#end();
  }

  #row(from, name) {
    const row = element("li", "", element("span", "over", name), element("p", ""));
    row.dataset.from = from;
    if (from === "ai") row.dataset.tone = "ai";
    row.lastChild.dir = "auto";
    this.#list.append(row);
    return row;
  }

  #end() { this.#list.scrollTop = this.#list.scrollHeight; }
}
