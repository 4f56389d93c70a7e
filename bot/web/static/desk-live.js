// The connection that tells what is new. It only tells: a page that connects again reads its lists anew, and has missed nothing.
const FIRST = 500;
const LONGEST = 15_000;
const BEAT = 25_000;

export class Live {
  #to;
  #socket = null;
  #tries = 0;
  #timer = 0;
  #open = "";

  isReady = false;

  /** `to`: hear(frame), status("ready" | "lost" | "expired"). */
  constructor(to) {
    this.#to = to;
    const now = () => { if (!this.isReady && document.visibilityState === "visible") this.#again(0); };
    addEventListener("online", now);
    addEventListener("pageshow", now);
    document.addEventListener("visibilitychange", now);
    addEventListener("offline", () => this.#socket?.close());
    setInterval(() => this.send({ type: "beat" }), BEAT);
  }

  start() {
    clearTimeout(this.#timer);
    if (this.#socket && this.#socket.readyState <= WebSocket.OPEN) return;
    const address = new URL("/desk/live", location.href);
    address.protocol = address.protocol.replace("http", "ws");
    const socket = new WebSocket(address);
    this.#socket = socket;
    socket.addEventListener("message", (event) => this.#hear(JSON.parse(event.data)));
    socket.addEventListener("close", (event) => { if (socket === this.#socket) this.#lost(event.code); });
  }

  /** Which conversation is looked at. */
  look(id) {
    this.#open = id;
    this.send({ type: "open", id });
  }

  send(frame) {
    if (this.isReady) this.#socket.send(JSON.stringify(frame));
  }

  #hear(frame) {
    if (frame.type === "hello") {
      this.isReady = true;
      this.#tries = 0;
      if (this.#open) this.look(this.#open);
      this.#to.status("ready");
    }
    this.#to.hear(frame);
  }

  #lost(code) {
    const was = this.isReady;
    this.isReady = false;
    this.#socket = null;
    if (code === 4401) { this.#to.status("expired"); return; }
    // A first short break is healed before anybody has to read of it.
    if (this.#tries > 0 || !navigator.onLine) this.#to.status("lost");
    else setTimeout(() => { if (!this.isReady) this.#to.status("lost"); }, was ? 1000 : 3000);
    const pause = Math.min(FIRST * 2 ** this.#tries, LONGEST) * (0.75 + Math.random() / 2);
    this.#tries += 1;
    this.#again(pause);
  }

  #again(pause) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.start(), pause);
  }
}
