// The overview: sorts and filters the table of runs, draws the chosen ones, and follows those in training.
import { say } from "./words.js";
const base = document.body.dataset.base;
const STATES = { "in training": say("in training"), "cut off": say("cut off"), waiting: say("waiting") };
const table = document.getElementById("runs");

if (table) {
  const body = table.tBodies[0];
  const rows = () => [...body.rows];
  const key = (row, column) => {
    const text = row.cells[column].dataset.sort;
    return text === "" ? null : Number.isNaN(Number(text)) ? text : Number(text);
  };
  // Best first at the first click: numbers fall, names rise; runs without the number stay at the end.
  for (const button of table.querySelectorAll("button.sort")) {
    button.addEventListener("click", () => {
      const head = button.closest("th");
      const column = head.cellIndex;
      const falling = head.classList.contains("number") ? head.ariaSort !== "descending" : head.ariaSort === "ascending";
      for (const other of table.tHead.querySelectorAll("[aria-sort]")) other.ariaSort = "none";
      head.ariaSort = falling ? "descending" : "ascending";
      const sorted = rows().sort((a, b) => {
        const [x, y] = [key(a, column), key(b, column)];
        if (x === null || y === null) return (x === null) - (y === null);
        return (x < y ? -1 : x > y ? 1 : 0) * (falling ? -1 : 1);
      });
      body.append(...sorted);
    });
  }

  const filter = document.getElementById("filter");
  const told = document.getElementById("filtered");
  filter.addEventListener("input", () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of rows()) row.hidden = !words.every((word) => row.dataset.name.toLowerCase().includes(word));
    told.textContent = say("{n} of {n2} runs", { n: rows().filter((row) => !row.hidden).length, n2: rows().length });
    choose();
  });

  const choose = () => {
    const chosen = new Set(rows().filter((row) => !row.hidden && row.querySelector(".chosen").checked).map((row) => row.dataset.run));
    for (const box of document.querySelectorAll("[data-figure]")) {
      if (!box.data) continue;
      const places = box.data.map((_, place) => place).filter((place) => box.data[place].legendgroup);
      if (places.length) Plotly.restyle(box, { visible: places.map((place) => chosen.has(box.data[place].legendgroup)) }, places);
    }
  };
  body.addEventListener("change", choose);
}

// Runs in training, here or on another machine: asked for every two seconds while the page is in view.
const section = document.getElementById("now");
const lines = document.getElementById("now-rows");
const told = document.getElementById("now-told");
const cell = (text, number) => {
  const made = document.createElement("td");
  made.textContent = text;
  if (number) made.className = "number";
  return made;
};
let finished = null;
const look = async () => {
  if (document.hidden) return;
  const answer = await fetch(`${base}/overview/now.json`).catch(() => null);
  if (!answer || !answer.ok) { told.textContent = say("The server does not answer; is it stopped?"); section.hidden = false; return; }
  const runs = await answer.json();
  const done = runs.filter((run) => run.state === "finished").length;
  if (finished !== null && done > finished) { location.reload(); return; }
  finished = done;
  const open = runs.filter((run) => run.state !== "finished");
  section.hidden = !open.length;
  told.textContent = say("{n} of {n2} planned runs are finished.", { n: done, n2: runs.length });
  lines.replaceChildren(...open.map((run) => {
    const row = document.createElement("tr");
    row.dataset.run = run.run;
    const head = document.createElement("th");
    head.scope = "row";
    const code = document.createElement("code");
    code.textContent = run.run;
    head.append(code);
    const last = run.val.length ? `${(100 * run.val.at(-1)).toFixed(1)} %` : "–";
    row.append(head, cell(STATES[run.state] ?? run.state), cell(run.host || "–"), cell(run.epochs || "–", true), cell(last, true));
    return row;
  }));
};
if (!section.hidden) look();
setInterval(look, 2000);
