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

const source = new EventSource(desk.dataset.flow);
source.addEventListener("open", () => { status.textContent = status.dataset.live; status.classList.add("on"); });
source.addEventListener("error", () => { status.textContent = status.dataset.lost; status.classList.remove("on"); });
source.addEventListener("picture", drawPicture);
source.addEventListener("line", addLines);
