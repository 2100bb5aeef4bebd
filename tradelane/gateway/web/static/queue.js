// Offers made while the gateway is away: kept in this browser, and sent when it is back.
// Each has a key of its own by which the market knows it: sent twice, it is one order.

const KEPT = "tradelane-offers";
const note = document.getElementById("queued");

function kept() {
  try {
    return JSON.parse(localStorage.getItem(KEPT)) ?? [];
  } catch {
    return [];
  }
}

function keep(offers) {
  localStorage.setItem(KEPT, JSON.stringify(offers));
  show(offers.length ? note.dataset.waiting.replace("{count}", offers.length) : "");
}

function show(text) {
  note.textContent = text;
  note.hidden = !text;
}

function newKey(form) {
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  form.elements.key.value = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function offer(event) {
  const form = event.target;
  if (event.submitter?.name) return;
  event.preventDefault();
  try {
    await fetch("/healthz", { cache: "no-store" });
    form.submit();
  } catch {
    const fields = Object.fromEntries(new FormData(form));
    delete fields.token;
    keep([...kept(), { who: form.dataset.offline, path: form.getAttribute("action"), fields }]);
    newKey(form);
  }
}

async function send({ who, path, fields }) {
  const page = await fetch(`${path}?side=${fields.side}`, { cache: "no-store" });
  const form = new DOMParser().parseFromString(await page.text(), "text/html").querySelector("form[data-offline]");
  if (form?.dataset.offline !== who) return { later: true };
  const body = new URLSearchParams({ ...fields, token: form.elements.token.value });
  const answer = await fetch(path, { method: "POST", body });
  if (answer.ok) return {};
  if (answer.status >= 500) return { later: true };
  const told = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector(".alarm");
  return { refused: told?.textContent ?? String(answer.status) };
}

async function sendAll() {
  const refused = [];
  for (const one of kept()) {
    const { later, refused: reason } = await send(one);
    if (later) continue;
    if (reason) refused.push(reason);
    keep(kept().filter(({ fields }) => fields.key !== one.fields.key));
  }
  if (refused.length) show(note.dataset.refused.replace("{reason}", refused.join(" ")));
}

function wake() {
  if (kept().length) navigator.locks.request(KEPT, sendAll).catch(() => keep(kept()));
}

for (const form of document.querySelectorAll("form[data-offline]")) {
  newKey(form);
  form.addEventListener("submit", offer);
}
document.querySelector('form[action="/pair/out"]')?.addEventListener("submit", () => localStorage.removeItem(KEPT));
addEventListener("online", wake);
keep(kept());
wake();
