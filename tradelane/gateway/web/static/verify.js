// Checks a clearing's files in the reader's own browser: what can be checked without a solver, in whole numbers.
// tradelane verify checks more: the gap, the money, who meets whom. A check answers with nothing where it
// holds, with a text where it does not, and with UNKNOWN where this browser cannot tell.

const PLACES = 40;
const UNKNOWN = Symbol("not checked here");
const PPM = 1_000_000n;

// A decimal text as a whole number of 10^-PLACES.
function exact(text) {
  const [, sign, whole, part = ""] = /^([+-]?)(\d+)(?:\.(\d*))?$/.exec(text);
  const value = BigInt(whole + part.padEnd(PLACES, "0"));
  return sign === "-" ? -value : value;
}

function lotsOf(quantity, lot) {
  const value = exact(quantity), step = exact(lot);
  if (value % step) throw new Error(`${quantity}: not whole`);
  return value / step;
}

function add(map, key, value) {
  map.set(key, (map.get(key) ?? 0n) + value);
}

const at = (...names) => names.join("\n");

// The files as maps: orders and fills by id, prices by product and zone, flows by product and lane.
function opened(found, said) {
  const products = new Map(found.products.map((one) => [one.id, one]));
  const lots = (one, quantity) => lotsOf(quantity, products.get(one.product).lot);
  const orders = new Map(found.orders.map((one) => [one.id, { ...one, lots: lots(one, one.quantity) }]));
  const fills = new Map(said.fills.map((one) => [one.order, lots(orders.get(one.order), one.quantity)]));
  if (fills.size !== said.fills.length || orders.size !== found.orders.length) throw new Error("an id stands twice");
  const flows = new Map(said.flows.map((one) => [
    at(one.product, one.lane), { sent: lots(one, one.sent), received: lots(one, one.received) },
  ]));
  const lanes = found.lanes.map((one) => ({ ...one, lots: lots(one, one.capacity), ...flows.get(at(one.product, one.id)) }));
  const prices = new Map(said.prices.map((one) => [at(one.product, one.zone), exact(one.price)]));
  return { found, said, lots, orders, fills, lanes, prices };
}

// How much better than its limit the price is for an order.
function gain({ prices }, order) {
  const better = prices.get(at(order.product, order.zone)) - exact(order.price);
  return order.side === "sell" ? better : -better;
}

function balance({ orders, fills, lanes }) {
  const net = new Map();
  for (const [id, lots] of fills) {
    const order = orders.get(id);
    add(net, at(order.product, order.zone), order.side === "sell" ? lots : -lots);
  }
  for (const lane of lanes) {
    add(net, at(lane.product, lane.source), -lane.sent);
    add(net, at(lane.product, lane.target), lane.received);
  }
  return [...net].find(([, lots]) => lots !== 0n)?.[0];
}

function quantity({ orders, fills }) {
  return [...fills].find(([id, lots]) => lots <= 0n || lots > orders.get(id).lots)?.[0];
}

function limit(files) {
  return [...files.fills.keys()].find((id) => gain(files, files.orders.get(id)) < 0n);
}

function money(files) {
  const left = new Map();
  for (const [id, order] of files.orders) {
    if (gain(files, order) > 0n) add(left, at(order.product, order.zone), order.lots - (files.fills.get(id) ?? 0n));
  }
  const shared = files.said.constraints?.length > 0;
  const inexact = files.lanes.filter((lane) => lane.loss_ppm || shared).length;
  return [...left].find(([, lots]) => lots > 2n * BigInt(inexact))?.[0];
}

function capacity({ lanes }) {
  return lanes.find((lane) => lane.sent < 0n || lane.sent > lane.lots)?.id;
}

function loss({ lanes }) {
  const lost = (lane) => (lane.sent * BigInt(lane.loss_ppm ?? 0) + PPM - 1n) / PPM;
  return lanes.find((lane) => lane.received !== lane.sent - lost(lane))?.id;
}

function trades(files) {
  const { said, orders, fills, lots, prices } = files;
  const open = new Map(fills);
  for (const trade of said.trades) {
    for (const [id, amount, price] of [
      [trade.seller, trade.quantity, trade.seller_price], [trade.buyer, trade.received, trade.buyer_price],
    ]) {
      const order = orders.get(id);
      if (!order) continue; // a lane stands in for whoever is behind it
      if (exact(price) !== prices.get(at(order.product, order.zone))) return id;
      add(open, id, -lots(order, amount));
    }
  }
  return [...open].find(([, lots]) => lots !== 0n)?.[0];
}

function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const names = Object.keys(value).sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(",")}}`;
}

// Only a page over TLS, or on this machine, may ask the browser for a digest.
async function digest({ said }) {
  if (!globalThis.crypto?.subtle) return UNKNOWN;
  const { result_digest: stated, ...rest } = said;
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(canonical(rest)));
  const hex = [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return stated === `sha256:${hex}` ? undefined : stated;
}

const WITH_BLOCKS = new Set(["digest", "limit", "quantity", "capacity", "loss"]);
const CHECKS = { digest, balance, quantity, limit, money, capacity, loss, trades };

// Each check's name, and what it found.
export async function verify(found, said) {
  let files = null, broken = null;
  try {
    files = opened(found, said);
  } catch (error) {
    broken = error.message;
  }
  const answers = Object.entries(CHECKS).map(async ([name, check]) => {
    if (broken !== null) return [name, broken];
    if (found.blocks?.length && !WITH_BLOCKS.has(name)) return [name, UNKNOWN];
    try {
      return [name, await check(files)];
    } catch (error) {
      return [name, error.message];
    }
  });
  return Promise.all(answers);
}

function show(section, name, answer) {
  const line = section.querySelector(`[data-check="${name}"]`);
  const state = answer === undefined ? "holds" : answer === UNKNOWN ? "unknown" : "fails";
  const sign = { holds: "✓", fails: "✗", unknown: "–" }[state];
  const place = state === "fails" ? `: ${answer.replaceAll("\n", ", ")}` : "";
  line.dataset.state = state;
  line.querySelector("output").textContent = `${sign} ${section.dataset[state]}${place}`;
  return state;
}

async function load(address) {
  const answer = await fetch(address, { cache: "no-store" });
  if (!answer.ok) throw new Error(`answer ${answer.status}`);
  return answer.json();
}

async function run(section, button, verdict) {
  button.disabled = true;
  verdict.textContent = "";
  try {
    const [found, said] = await Promise.all([load(section.dataset.case), load(section.dataset.result)]);
    const states = (await verify(found, said)).map(([name, answer]) => show(section, name, answer));
    verdict.textContent = states.includes("fails") ? verdict.dataset.bad : verdict.dataset.good;
  } catch {
    verdict.textContent = verdict.dataset.away;
  }
  button.disabled = false;
}

const section = document.getElementById("checks");
if (section) {
  const button = document.getElementById("verify");
  const verdict = document.getElementById("verdict");
  button.hidden = false;
  button.addEventListener("click", () => run(section, button, verdict));
}
