// Tickets of a person: opened and moved along without leaving the conversation.
import { area, ask, field, line, select, toast } from "./desk-dialog.js";
import { h, human } from "./desk-dom.js";
import { clock, date, t, word } from "./desk-words.js";

const PRIORITIES = ["low", "medium", "high", "urgent"];
const CATEGORIES = ["general_inquiry", "technical_support", "billing", "product_inquiry", "complaint", "feature_request", "bug_report", "other"];
const STATUSES = ["open", "in_progress", "waiting_customer", "waiting_internal", "resolved", "closed"];

const words = (kind, values) => values.map((one) => [one, word(kind, one)]);

export async function newTicket(desk, conversation) {
  const [subject, description] = [line("", { maxlength: "200" }), area()];
  const [category, priority] = [select(words("category", CATEGORIES), "general_inquiry"), select(words("priority", PRIORITIES), conversation.priority)];
  const given = await ask({ title: t("new_ticket"), mark: "ticket", done: t("create"),
    fields: [field(t("subject"), subject), field(t("description"), description), h("div", { class: "twos" }, field(t("category"), category), field(t("priority"), priority))],
    check: () => (subject.value.trim() && description.value.trim() ? "" : t("write_some_words")),
    read: () => ({ customer_id: conversation.person.id, conversation_id: conversation.id, subject: subject.value.trim(), description: description.value.trim(),
      category: category.value, priority: priority.value }) });
  if (given) await tried(desk, async () => toast(t("ticket_made", { number: (await desk.api.post("/tickets", given)).number })));
}

export async function changeTicket(desk, number) {
  const path = `/tickets/${encodeURIComponent(number)}`;
  let ticket;
  try { ticket = await desk.api.get(path); } catch (error) { desk.tell(error); return; }
  const [status, priority] = [select(words("ticket", STATUSES), ticket.status), select(words("priority", PRIORITIES), ticket.priority)];
  const note = area("", { rows: "3" });
  const notes = ticket.notes.slice(-3).map((one) => h("div", { class: "note" },
    h("p", { class: "over" }, t("note_by", { name: one.user?.name ?? t("person"), at: `${date(one.at)} ${clock(one.at)}` })), human("p", one.text, { class: "said" })));
  const given = await ask({ title: number, mark: "ticket", done: t("save"), wide: true,
    fields: [human("p", ticket.subject, { class: "strong" }), human("p", ticket.description, { class: "soft said" }), notes,
      h("div", { class: "twos" }, field(t("status"), status), field(t("priority"), priority)), field(t("note"), note)],
    check: () => (status.value === "resolved" && ticket.status !== "resolved" && !note.value.trim() ? t("say_how") : ""),
    read: () => ({ status: status.value, priority: priority.value, note: note.value.trim() }) });
  if (!given) return;
  await tried(desk, async () => {
    if (given.priority !== ticket.priority) await desk.api.patch(path, { priority: given.priority });
    if (given.status === "resolved" && ticket.status !== "resolved") await desk.api.post(`${path}/resolve`, { summary: given.note });
    else {
      if (given.note) await desk.api.post(`${path}/notes`, { text: given.note });
      if (given.status !== ticket.status) await desk.api.post(`${path}/status`, { status: given.status });
    }
    toast(t("saved"));
  });
}

async function tried(desk, what) {
  try { await what(); } catch (error) { desk.tell(error); }
  await desk.person.refresh();
}
