// Keeps the page live: on each event it fetches <main> as the server renders it and morphs the page into it.
// Without this module the page is complete; it only does not move.

import { morph } from "./morph.js";
import { stream } from "./stream.js";

const RETRY_MS = 2000;
const script = document.querySelector("script[data-worker]");
const language = document.documentElement.lang;
const short = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const status = document.getElementById("status");
const statusText = document.getElementById("status-text");
const words = document.getElementById("foot").dataset;

let streaming = null;
let fetched = true;
let shown = null;
let wanted = null;
let busy = false;
let gateAt = null;

function main() {
  return document.getElementById("main");
}

function localise(root) {
  for (const time of root.querySelectorAll("time[data-local]")) {
    time.title = time.textContent;
    time.textContent = short.format(new Date(time.dateTime));
  }
}

function show(state, text) {
  if (status.dataset.state !== state) status.dataset.state = state;
  if (statusText.textContent !== text) statusText.textContent = text;
}

function showStatus() {
  if (streaming === null) return;
  const at = short.format(new Date(main().dataset.now));
  if (streaming && fetched) show("live", status.dataset.live);
  else show("lost", status.dataset.lost.replace("{at}", at));
}

function readGate() {
  const gate = document.querySelector("[data-gate-ms]");
  gateAt = gate && performance.now() + Number(gate.dataset.gateMs);
}

function remaining(ms) {
  const seconds = Math.ceil(ms / 1000);
  if (seconds <= 0) return words.now;
  const long = `${Math.floor(seconds / 60)}\u00a0min ${seconds % 60}\u00a0s`;
  return words.in.replace("{time}", seconds < 120 ? `${seconds}\u00a0s` : long);
}

function tick() {
  const gate = document.querySelector("[data-gate-ms]");
  if (gate && gateAt !== null) gate.textContent = remaining(gateAt - performance.now());
}

async function refresh() {
  if (busy || document.hidden || wanted === shown) return;
  busy = true;
  const target = wanted;
  try {
    await fetchMain();
    shown = target;
    fetched = true;
  } catch {
    fetched = false;
  }
  busy = false;
  showStatus();
  setTimeout(refresh, fetched ? 0 : RETRY_MS);
}

async function fetchMain() {
  const url = new URL(location.href);
  url.hash = "";
  url.searchParams.set("fragment", "1");
  const answer = await fetch(url, { cache: "no-store" });
  if (!answer.ok) throw new Error(`answer ${answer.status}`);
  const next = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("main");
  localise(next);
  morph(main(), next);
  readGate();
  tick();
}

function hear(message) {
  streaming = message.state === "connecting" ? streaming : message.state === "live";
  if (streaming && message.id) wanted = message.id;
  showStatus();
  refresh();
}

function listen() {
  const { events, worker: file } = script.dataset;
  if (!events) return;
  if (!("SharedWorker" in window)) return stream(events, hear);
  const worker = new SharedWorker(file, { type: "module", name: events });
  worker.onerror = () => stream(events, hear);
  worker.port.onmessage = ({ data }) => hear(data);
  addEventListener("pagehide", () => worker.port.postMessage("bye"));
}

localise(document);
const note = document.getElementById("zone-note");
note.textContent = note.dataset.local.replace("{place}", Intl.DateTimeFormat().resolvedOptions().timeZone);
readGate();
setInterval(tick, 500);
document.addEventListener("visibilitychange", refresh);
addEventListener("pageshow", (event) => event.persisted && listen());
listen();

for (const one of document.querySelectorAll(".tabs [aria-current], .hours [aria-current]")) {
  const row = one.parentElement; // one that is longer than a phone is wide shows where one is
  row.scrollLeft = one.offsetLeft - (row.clientWidth - one.offsetWidth) / 2;
}
