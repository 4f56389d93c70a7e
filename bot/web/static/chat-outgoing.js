// What is written and not accepted yet, in order; it outlives a reload of the page. Sent again under the same key it counts once.
export class Outgoing {
  #waiting = [];
  #inFlight = "";
  #place;

  /** `place`: under which name it is kept; what one person wrote is not sent as another. */
  constructor(place = "chat-outgoing") {
    this.#place = place;
    try { this.#waiting = JSON.parse(sessionStorage.getItem(place) ?? "[]"); } catch { /* begins empty */ }
  }

  /** The key of the one that is on its way. */
  get inFlight() { return this.#inFlight; }

  kept() { return this.#waiting; }

  add(frame, shown) {
    this.#waiting.push({ frame, shown: { ...shown, at: new Date().toISOString() } });
    this.#keep();
  }

  /** The next to be sent; nothing while one is on its way. */
  take() {
    if (this.#inFlight || !this.#waiting.length) return null;
    this.#inFlight = this.#waiting[0].frame.key;
    return this.#waiting[0].frame;
  }

  /** Accepted, or refused for good. */
  done(key) {
    if (this.#inFlight === key) this.#inFlight = "";
    const before = this.#waiting.length;
    this.#waiting = this.#waiting.filter(({ frame }) => frame.key !== key);
    if (this.#waiting.length !== before) this.#keep();
  }

  /** What was on its way is to be sent again. */
  free() { this.#inFlight = ""; }

  #keep() {
    try { sessionStorage.setItem(this.#place, JSON.stringify(this.#waiting)); } catch { /* kept while the page is open */ }
  }
}
