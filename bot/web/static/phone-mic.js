// In the browser's audio thread: what the microphone hears, as the telephone has it (8 kHz mu-law, 20 ms a piece).
const RATE = 8000;
const FRAME = 160;
const BIAS = 0x84;
const MOST = 32635;

function mulaw(value) {
  const sign = value < 0 ? 0x80 : 0;
  const loud = Math.min(MOST, Math.abs(value)) + BIAS;
  const exponent = 31 - Math.clz32(loud) - 7;
  return ~(sign | (exponent << 4) | ((loud >> (exponent + 3)) & 0x0f)) & 0xff;
}

class Microphone extends AudioWorkletProcessor {
  #frame = new Uint8Array(FRAME);
  #filled = 0;
  #sum = 0;
  #count = 0;
  #due = 0; // samples of ours that a sample of theirs is worth, added up

  process([[samples]]) {
    for (const sample of samples ?? []) {
      this.#sum += sample; // the mean of what falls together is the simplest filter against what 8 kHz cannot hold
      this.#count += 1;
      this.#due += RATE / sampleRate;
      if (this.#due >= 1) this.#take();
    }
    return true;
  }

  #take() {
    this.#due -= 1;
    this.#frame[this.#filled] = mulaw(Math.round((this.#sum / this.#count) * 32767));
    this.#sum = 0;
    this.#count = 0;
    this.#filled += 1;
    if (this.#filled < FRAME) return;
    this.port.postMessage(this.#frame.slice());
    this.#filled = 0;
  }
}

registerProcessor("microphone", Microphone);
