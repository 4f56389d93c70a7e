// A file of the visitor's: it is sent first, and what is said next has its id. Without the button on the page there is none of it.
const TYPES = "image/jpeg,image/png,image/gif,image/webp,application/pdf";

/** parts: page, path, headers(), say(name, values), tell(text), done({ id, name, kind }). */
export function attaching({ page, path, headers, say, tell, done }) {
  const button = page.querySelector("[data-attach]");
  if (!button) return;
  const input = document.createElement("input");
  input.type = "file";
  input.accept = TYPES;
  button.addEventListener("click", () => input.click());
  input.addEventListener("change", async () => {
    const [file] = input.files;
    input.value = ""; // the same one can be chosen again
    if (!file) return;
    button.disabled = true;
    tell(say("attaching", { name: file.name }));
    try {
      done(await sent(path, headers(), file));
      tell("");
    } catch (error) {
      tell(say(`file_${["too_large", "not_taken", "too_many_requests"].includes(error.message) ? error.message : "failed"}`), true);
    }
    button.disabled = false;
  });
}

async function sent(path, headers, file) {
  const form = new FormData();
  form.append("file", file, file.name);
  const answer = await fetch(path, { method: "POST", body: form, headers });
  const told = await answer.json();
  if (!answer.ok) throw new Error(told.error.code);
  return told;
}
