// The telephone network's end of a Media Stream, as Twilio speaks it: the frames on the wire are the same, and so is what answers.
// Only `typed` is ours, and what this one route tells for the captions.
const FRAME_MS = 20;
const SILENCE = btoa(String.fromCharCode(...new Uint8Array(160).fill(0xff)));
const AT_ONCE = 25; // frames; a page in the background is woken rarely

export class Line {
  #socket;
  #call;
  #to;
  #number = 0;
  #chunk = 0;
  #began = 0;
  #sent = 0; // frames, heard or silent
  #heard = []; // of the microphone, not yet sent
  #pulse = 0;

  /** `call`: sid, stream, token, line (path). `to`: media(bytes), mark(name), clear(), told(frame), closed(code). */
  constructor(call, to) {
    this.#call = call;
    this.#to = to;
    this.#socket = new WebSocket(call.line);
    this.#socket.addEventListener("open", () => this.#start());
    this.#socket.addEventListener("message", ({ data }) => this.#hear(JSON.parse(data)));
    this.#socket.addEventListener("close", ({ code }) => { clearInterval(this.#pulse); to.closed(code); });
  }

  /** 20 ms of the microphone. */
  media(bytes) { if (this.#heard.length < AT_ONCE) this.#heard.push(btoa(String.fromCharCode(...bytes))); }
  mark(name) { this.#say("mark", { mark: { name } }); }
  press(digit) { this.#say("dtmf", { dtmf: { track: "inbound_track", digit } }); }
  type(text) { this.#say("typed", { text }); }

  hangUp() {
    this.#say("stop", { stop: { accountSid: "ACsim", callSid: this.#call.sid } });
    this.#socket.close(1000);
  }

  #start() {
    this.#put({ event: "connected", protocol: "Call", version: "1.0.0" });
    const { sid, stream, token } = this.#call;
    const mediaFormat = { encoding: "audio/x-mulaw", sampleRate: 8000, channels: 1 };
    this.#say("start", { start: { accountSid: "ACsim", callSid: sid, streamSid: stream, tracks: ["inbound"], mediaFormat, customParameters: { token } } });
    this.#began = performance.now();
    this.#pulse = setInterval(() => this.#send(), FRAME_MS);
  }

  /** As many frames as time has passed: of the microphone, else silence. */
  #send() {
    const due = Math.floor((performance.now() - this.#began) / FRAME_MS);
    if (due - this.#sent > AT_ONCE) this.#sent = due - AT_ONCE;
    while (this.#sent < due) {
      const payload = this.#heard.shift() ?? SILENCE;
      this.#chunk += 1;
      this.#say("media", { media: { track: "inbound", chunk: String(this.#chunk), timestamp: String(this.#sent * FRAME_MS), payload } });
      this.#sent += 1;
    }
  }

  #say(event, more) {
    this.#number += 1;
    this.#put({ event, sequenceNumber: String(this.#number), streamSid: this.#call.stream, ...more });
  }

  #put(frame) { if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(frame)); }

  #hear(frame) {
    if (frame.event === "media") this.#to.media(Uint8Array.from(atob(frame.media.payload), (one) => one.charCodeAt(0)));
    else if (frame.event === "mark") this.#to.mark(frame.mark.name);
    else if (frame.event === "clear") this.#to.clear();
    else this.#to.told(frame);
  }
}
