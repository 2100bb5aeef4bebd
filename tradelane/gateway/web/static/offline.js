// The phone's service worker: while the gateway is away, its pages are shown as they were seen last.
// Only pages of the signed-in owner pass here; they are forgotten when the owner leaves or is not known any more.

const LAST = "tradelane-last";
const FILES = "tradelane-files";
const MAIN = /<main[\s\S]*<\/main>/;

let left = false; // from an owner's leaving to the next page opened: answers still on their way are not kept

async function keep(request, answer) {
  if (answer.type === "opaqueredirect" || answer.redirected) return caches.delete(LAST);
  if (answer.ok && request.mode === "navigate") left = false;
  if (!answer.ok || left) return;
  const cache = await caches.open(LAST);
  await cache.put(request.url, answer.clone());
}

async function seen(request) {
  const page = await caches.match(request.url, { cacheName: LAST });
  if (!page) return Response.error();
  const url = new URL(request.url);
  url.searchParams.set("fragment", "1");
  const fresher = await caches.match(url.href, { cacheName: LAST });
  if (!fresher) return page;
  const main = await fresher.text();
  const html = (await page.text()).replace(MAIN, () => main.trim());
  return new Response(html, { headers: page.headers });
}

async function visit(request) {
  let answer;
  try {
    answer = await fetch(request);
  } catch {
    return seen(request);
  }
  await keep(request, answer);
  return answer;
}

async function file(request) {
  const cache = await caches.open(FILES);
  const known = await cache.match(request);
  if (known) return known;
  const answer = await fetch(request);
  if (answer.ok) await cache.put(request, answer.clone());
  return answer;
}

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("message", (event) => {
  if (event.data !== "leave") return;
  left = true;
  event.waitUntil(caches.delete(LAST));
});
self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  if (url.pathname.startsWith("/static/")) event.respondWith(file(request));
  else if (request.mode === "navigate" || url.searchParams.has("fragment")) event.respondWith(visit(request));
});
