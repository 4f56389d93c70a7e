// The telephone network's end of a Media Stream, as Twilio speaks it: the frames on the wire are the same, and so is what answers.
// What is said comes beside it, for the captions.
const FRAME_MS = 20;
const FRAME = 160;
const SILENCE = new Uint8Array(FRAME).fill(0xff);
const AT_ONCE = 25; // frames; a page in the background is woken rarely

export class Line {
  #socket = null;
  #captions;
  #call;
  #to;
  #number = 0;
  #chunk = 0;
  #began = 0;
  #sent = 0; // frames, heard or silent
  #typed = []; // frames of what was typed, not yet sent
  #heard = []; // the same of the microphone
  #pulse = 0;

  /** `call`: sid, stream, token, and the paths line and captions. `to`: media(bytes), mark(name), clear(), told(frame), closed(). */
  constructor(call, to) {
    this.#call = call;
    this.#to = to;
    this.#captions = new WebSocket(`${call.captions}?token=${encodeURIComponent(call.token)}`);
    this.#captions.addEventListener("open", () => this.#dial());
    this.#captions.addEventListener("message", ({ data }) => to.told(JSON.parse(data)));
    this.#captions.addEventListener("close", () => this.#over());
  }

  /** 20 ms of the microphone. */
  media(bytes) { if (this.#heard.length < AT_ONCE) this.#heard.push(bytes); }

  /** Sound that is said as a whole, in its own time. */
  say(bytes) {
    for (let at = 0; at < bytes.length; at += FRAME) {
      const frame = SILENCE.slice();
      frame.set(bytes.subarray(at, at + FRAME));
      this.#typed.push(frame);
    }
  }

  mark(name) { this.#say("mark", { mark: { name } }); }
  press(digit) { this.#say("dtmf", { dtmf: { track: "inbound_track", digit } }); }

  hangUp() {
    this.#say("stop", { stop: { accountSid: "ACsim", callSid: this.#call.sid } });
    this.#over();
  }

  #dial() {
    this.#socket = new WebSocket(this.#call.line);
    this.#socket.addEventListener("open", () => this.#start());
    this.#socket.addEventListener("message", ({ data }) => this.#hear(JSON.parse(data)));
    this.#socket.addEventListener("close", () => this.#over());
  }

  #start() {
    this.#put({ event: "connected", protocol: "Call", version: "1.0.0" });
    const { sid, stream, token } = this.#call;
    const mediaFormat = { encoding: "audio/x-mulaw", sampleRate: 8000, channels: 1 };
    this.#say("start", { start: { accountSid: "ACsim", callSid: sid, streamSid: stream, tracks: ["inbound"], mediaFormat, customParameters: { token } } });
    this.#began = performance.now();
    this.#pulse = setInterval(() => this.#send(), FRAME_MS);
  }

  /** As many frames as time has passed: what was typed, else of the microphone, else silence. */
  #send() {
    const due = Math.floor((performance.now() - this.#began) / FRAME_MS);
    if (due - this.#sent > AT_ONCE) this.#sent = due - AT_ONCE;
    while (this.#sent < due) {
      const frame = this.#typed.shift() ?? this.#heard.shift() ?? SILENCE;
      this.#chunk += 1;
      const payload = btoa(String.fromCharCode(...frame));
      this.#say("media", { media: { track: "inbound", chunk: String(this.#chunk), timestamp: String(this.#sent * FRAME_MS), payload } });
      this.#sent += 1;
    }
  }

  #say(event, more) {
    this.#number += 1;
    this.#put({ event, sequenceNumber: String(this.#number), streamSid: this.#call.stream, ...more });
  }

  #put(frame) { if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(frame)); }

  #hear(frame) {
    if (frame.event === "media") this.#to.media(Uint8Array.from(atob(frame.media.payload), (one) => one.charCodeAt(0)));
    else if (frame.event === "mark") this.#to.mark(frame.mark.name);
    else if (frame.event === "clear") this.#to.clear();
  }

  #isOver = false;
  #over() {
    if (this.#isOver) return;
    this.#isOver = true;
    clearInterval(this.#pulse);
    this.#socket?.close();
    // What was said last may still be on its way.
    setTimeout(() => { this.#captions.close(); this.#to.closed(); }, 300);
  }
}
