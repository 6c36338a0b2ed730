// The desk, live: new lines slide in and the picture is drawn anew, as the
// server sends them. Without this module the page stands and "refresh" works.

const keptLines = 40;
const desk = document.getElementById("desk");
const lines = document.getElementById("lines");
const status = desk.querySelector("[data-live]");

function fragment(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content;
}

// Only what has changed is replaced, and nothing under somebody's hand.
function drawPicture(event) {
  for (const drawn of fragment(event.data).querySelectorAll("[data-part]")) {
    if (drawn.dataset.title) document.title = drawn.dataset.title;
    const shown = desk.querySelector(`[data-part="${drawn.dataset.part}"]`);
    if (shown.innerHTML !== drawn.innerHTML && !shown.contains(document.activeElement)) {
      shown.replaceChildren(...drawn.childNodes);
    }
  }
}

function addLines(event) {
  const rows = [...fragment(event.data).children];
  for (const row of rows) row.classList.add("new");
  lines.prepend(...rows.reverse());
  while (lines.children.length > keptLines) lines.lastElementChild.remove();
  document.getElementById("no-lines")?.remove();
}

// The desk is live as long as it hears from its server. Otherwise it says since when
// it does not, and does not look live.
const patience = 20_000; // a beat comes every five seconds
const pause = 3_000;
let source, heard = Date.now(), tried = 0, at = status.dataset.at, last = null;

function hear(event) {
  heard = Date.now();
  if (event.type === "beat") at = event.data;
  if (event.lastEventId) last = event.lastEventId;
  if (status.classList.contains("on")) return;
  status.textContent = status.dataset.live;
  status.classList.add("on");
  desk.classList.remove("lost");
}

function lose() {
  const said = `${status.dataset.lost} ${at}. ${status.dataset.then}`;
  if (status.textContent !== said) status.textContent = said;
  status.classList.remove("on");
  desk.classList.add("lost");
}

function listen() {
  source?.close();
  tried = Date.now();
  source = new EventSource(last === null ? desk.dataset.flow : `/desk/flow?after=${BigInt(last) + 1n}`);
  source.addEventListener("beat", hear);
  source.addEventListener("picture", event => { hear(event); drawPicture(event); });
  source.addEventListener("line", event => { hear(event); addLines(event); });
  source.addEventListener("error", lose);
}

// A browser does not try again by itself after an answer that is an error, and
// does not notice a server that says nothing any more.
setInterval(() => {
  const silent = Date.now() - heard > patience, since = Date.now() - tried;
  if (silent) lose();
  if (source.readyState === EventSource.CLOSED && since > pause || silent && since > patience) listen();
}, 1000);

listen();
