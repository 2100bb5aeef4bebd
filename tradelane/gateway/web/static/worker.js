// One EventSource for all tabs that hear the same events: a browser opens only six connections to a host.
// The worker is named after their URL.

import { stream } from "./stream.js";

const ports = new Set();
let last = { state: "connecting" };

function tell(message) {
  last = message;
  for (const port of ports) port.postMessage(message);
}

self.onconnect = ({ ports: [port] }) => {
  ports.add(port);
  port.onmessage = ({ data }) => data === "bye" && ports.delete(port);
  port.postMessage(last);
};

stream(self.name, tell);
