// The connection: opens it, opens it again when it is lost, with longer and longer pauses.
const FIRST = 500;
const LONGEST = 30_000;
const FULL = 4429; // there is no room for us
const FULL_PAUSE = 60_000;
const UNREADABLE = 1003; // what we sent is nothing that the server knows: sent again it would be the same

export class Live {
  #address;
  #to;
  #socket = null;
  #tries = 0;
  #timer = 0;

  isReady = false;

  /** `to`: hear(frame), status("ready" | "lost" | "full" | "unreadable"), hello() gives what the first frame says. */
  constructor(address, to) {
    this.#address = address;
    this.#to = to;
    const now = () => { if (!this.isReady && document.visibilityState === "visible") this.#again(0); };
    addEventListener("online", now);
    addEventListener("pageshow", now);
    document.addEventListener("visibilitychange", now);
    addEventListener("offline", () => this.#socket?.close());
  }

  open() {
    clearTimeout(this.#timer);
    if (this.#socket && this.#socket.readyState <= WebSocket.OPEN) return;
    const socket = new WebSocket(this.#address);
    this.#socket = socket;
    socket.addEventListener("open", () => socket.send(JSON.stringify({ type: "hello", ...this.#to.hello() })));
    socket.addEventListener("message", (event) => this.#hear(JSON.parse(event.data)));
    socket.addEventListener("close", (event) => { if (socket === this.#socket) this.#lost(event.code); });
  }

  send(frame) {
    this.#socket.send(JSON.stringify(frame));
  }

  #hear(frame) {
    if (frame.type === "welcome") {
      this.isReady = true;
      this.#tries = 0;
      this.#to.status("ready");
    }
    this.#to.hear(frame);
  }

  #lost(code) {
    this.isReady = false;
    this.#socket = null;
    // A first short break is healed before anybody has to read of it.
    if (code === UNREADABLE) this.#to.status("unreadable");
    if (code === FULL) this.#to.status("full");
    else if (this.#tries > 0 || !navigator.onLine) this.#to.status("lost");
    else setTimeout(() => { if (!this.isReady) this.#to.status("lost"); }, 1000);
    const pause = code === FULL ? FULL_PAUSE : Math.min(FIRST * 2 ** this.#tries, LONGEST) * (0.75 + Math.random() / 2);
    this.#tries += 1;
    this.#again(pause);
  }

  #again(pause) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.open(), pause);
  }
}
