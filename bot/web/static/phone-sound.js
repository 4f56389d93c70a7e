// The sound of a call: plays mu-law as it comes, and takes it from the microphone. What has been played is told by the clock, so
// that a browser without a loudspeaker, or one that does not let us play, keeps time all the same.
const RATE = 8000;
const LEAD = 60; // ms before the first sound, against what comes unevenly

const LOUDNESS = Float32Array.from({ length: 256 }, (_, coded) => {
  const code = ~coded & 0xff;
  const value = ((((code & 0x0f) << 3) + 0x84) << ((code & 0x70) >> 4)) - 0x84;
  return (code & 0x80 ? -value : value) / 32768;
});

export class Sound {
  #context = null;
  #playing = new Set();
  #until = 0; // when all that was given has been played
  #marks = []; // [name, when]
  #timer = 0;
  #microphone = null;
  #played;

  /** `played(name)`: a mark has been reached. */
  constructor(played) { this.#played = played; }

  /** Must follow a click: browsers let nothing play that nobody asked for. */
  begin() {
    this.#context = new AudioContext();
    this.#context.resume().catch(() => {}); // without a loudspeaker the captions go on
  }

  get isPlaying() { return performance.now() < this.#until; }

  /** `bytes`: mu-law, played behind what was given before. How loud it is, 0 to 1. */
  play(bytes) {
    const now = performance.now();
    const at = Math.max(now + LEAD, this.#until);
    this.#until = at + (bytes.length / RATE) * 1000;
    const samples = Float32Array.from(bytes, (coded) => LOUDNESS[coded]);
    this.#put(samples, (at - now) / 1000);
    return Math.min(1, Math.sqrt(samples.reduce((sum, one) => sum + one * one, 0) / (samples.length || 1)) * 4);
  }

  #put(samples, wait) {
    if (this.#context?.state !== "running" || !samples.length) return;
    const buffer = this.#context.createBuffer(1, samples.length, RATE);
    buffer.copyToChannel(samples, 0);
    const source = new AudioBufferSourceNode(this.#context, { buffer });
    source.connect(this.#context.destination);
    source.addEventListener("ended", () => this.#playing.delete(source));
    source.start(this.#context.currentTime + wait);
    this.#playing.add(source);
  }

  /** Is told of once all that was given so far has been played. */
  mark(name) {
    this.#marks.push([name, this.#until]);
    this.#wait();
  }

  /** Falls silent; marks that were not reached count as reached, as Twilio has it. */
  clear() {
    for (const source of this.#playing) source.stop();
    this.#playing.clear();
    this.#until = 0;
    this.#marks = this.#marks.map(([name]) => [name, 0]);
    this.#reach();
  }

  #wait() {
    clearTimeout(this.#timer);
    if (this.#marks.length) this.#timer = setTimeout(() => this.#reach(), Math.max(0, this.#marks[0][1] - performance.now()));
  }

  #reach() {
    const now = performance.now();
    while (this.#marks.length && this.#marks[0][1] <= now) this.#played(this.#marks.shift()[0]);
    this.#wait();
  }

  get hasMicrophone() { return this.#microphone !== null; }

  /** Asks for the microphone; `heard(bytes)` is given 20 ms at a time. Throws where there is none, or it is not allowed. */
  async listen(module, heard) {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true } });
    await this.#context.audioWorklet.addModule(module);
    const node = new AudioWorkletNode(this.#context, "microphone", { numberOfOutputs: 0 });
    node.port.addEventListener("message", ({ data }) => heard(data));
    node.port.start();
    this.#context.createMediaStreamSource(stream).connect(node);
    this.#microphone = stream;
  }

  /** The microphone is let go of. */
  mute() {
    for (const track of this.#microphone?.getTracks() ?? []) track.stop();
    this.#microphone = null;
  }

  end() {
    this.mute();
    this.#marks = [];
    clearTimeout(this.#timer);
    for (const source of this.#playing) source.stop();
    this.#context?.close();
    this.#context = null;
  }
}
