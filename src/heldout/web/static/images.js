// A gallery of any number of images: only those in view are in the page, and their facts come in pages of 200.
import { say } from "./words.js";
const base = document.body.dataset.base;
const form = document.getElementById("tools");
const box = document.getElementById("gallery");
const told = document.getElementById("told");
const PARTS = { train: say("train"), val: say("val"), test: say("test") };
const PAGE = 200;
const SIDE = 128; // a tile, with the gap to the next
const HEIGHT = 158;
const BESIDE = 2; // rows above and below the view that are kept

let words = new URLSearchParams(); // what is asked for
let total = 0;
let pages = new Map(); // number of a page -> its rows, or the promise of them
let tiles = new Map(); // place of an image -> its element
let asked = 0; // how often something else was asked for: an answer to an earlier question is dropped
let current = 0; // the tile that the keyboard is on

const page = (number) => {
  if (!pages.has(number)) {
    const mine = asked;
    const wanted = new URLSearchParams(words);
    wanted.set("offset", number * PAGE);
    const promise = fetch(`${base}/images/rows.json?${wanted}`).then(async (answer) => {
      if (!answer.ok) throw new Error(new DOMParser().parseFromString(await answer.text(), "text/html").querySelector(".fault")?.textContent ?? answer.statusText);
      const found = await answer.json();
      if (mine !== asked) return;
      pages.set(number, found.rows);
      if (found.total !== total || number === 0) { total = found.total; count(); }
      draw();
    });
    promise.catch((error) => { if (mine === asked) { told.textContent = say("Not to be shown: {text}", { text: error.message }); pages.delete(number); } });
    pages.set(number, promise);
  }
  const found = pages.get(number);
  return Array.isArray(found) ? found : null;
};

const count = () => {
  told.textContent = total === 1 ? say("1 image") : say("{n} images", { n: total.toLocaleString("en") });
  box.style.height = `${Math.ceil(total / columns()) * HEIGHT}px`;
};
const columns = () => Math.max(1, Math.floor(box.clientWidth / SIDE));

const tile = (place, row) => {
  const made = document.createElement("a");
  made.href = `${base}/images/${encodeURIComponent(row.id)}?${words}`;
  made.role = "listitem";
  made.ariaSetSize = total;
  made.ariaPosInSet = place + 1;
  made.tabIndex = place === current ? 0 : -1;
  made.dataset.place = place;
  made.title = row.file || row.id;
  const picture = document.createElement("img");
  picture.src = `${base}/picture/${encodeURIComponent(row.id)}`;
  picture.alt = "";
  picture.decoding = "async";
  picture.onerror = () => picture.replaceWith(Object.assign(document.createElement("span"), { className: "gone", textContent: say("no pixels") }));
  const answer = document.createElement("span");
  answer.className = row.right === null ? "answer" : row.right ? "answer right" : "answer wrong";
  answer.textContent = row.predicted ? `${row.right ? "✓" : "✗"} ${row.predicted} ${Math.round(100 * row.confidence)} %` : say("no answer");
  const truth = document.createElement("span");
  truth.className = "truth";
  truth.textContent = say("is {name}, {words}", { name: row.label || "–", words: PARTS[row.part] });
  made.append(picture, answer, truth);
  return made;
};

const draw = () => {
  const across = columns();
  const top = box.getBoundingClientRect().top;
  const first = Math.max(0, Math.floor(-top / HEIGHT) - BESIDE) * across;
  const last = Math.min(total, (Math.ceil((innerHeight - top) / HEIGHT) + BESIDE) * across);
  for (const [place, element] of tiles) if (place < first || place >= last) { element.remove(); tiles.delete(place); }
  for (let place = first; place < last; place++) {
    const rows = page(Math.floor(place / PAGE));
    if (tiles.has(place) || !rows) continue;
    const row = rows[place % PAGE];
    if (!row) continue;
    const made = tile(place, row);
    tiles.set(place, made);
    box.append(made);
  }
  for (const [place, element] of tiles) element.style.transform = `translate(${(place % across) * SIDE}px, ${Math.floor(place / across) * HEIGHT}px)`;
};

let waiting = 0;
const soon = () => { cancelAnimationFrame(waiting); waiting = requestAnimationFrame(draw); };

const ask = () => {
  words = new URLSearchParams([...new FormData(form)].filter(([, value]) => value !== ""));
  history.replaceState(null, "", `${base}/images?${words}`);
  asked += 1;
  pages = new Map();
  for (const element of tiles.values()) element.remove();
  tiles = new Map();
  total = 0;
  current = 0;
  page(0);
};

const go = (place) => {
  current = Math.min(total - 1, Math.max(0, place));
  const top = box.getBoundingClientRect().top + scrollY + Math.floor(current / columns()) * HEIGHT;
  if (top < scrollY + 80) scrollTo(0, top - 80);
  if (top + HEIGHT > scrollY + innerHeight) scrollTo(0, top + HEIGHT - innerHeight);
  draw();
  for (const [other, element] of tiles) element.tabIndex = other === current ? 0 : -1;
  tiles.get(current)?.focus({ preventScroll: true });
};
box.addEventListener("keydown", (event) => {
  const down = columns();
  const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: down, ArrowUp: -down, PageDown: 4 * down, PageUp: -4 * down, Home: -total, End: total }[event.key];
  if (step === undefined) return;
  event.preventDefault();
  go(current + step);
});
box.addEventListener("focusin", (event) => { if (event.target.dataset.place) current = Number(event.target.dataset.place); });

let typing = 0;
form.addEventListener("input", () => { clearTimeout(typing); typing = setTimeout(ask, 200); });
form.addEventListener("submit", (event) => { event.preventDefault(); ask(); });
form.addEventListener("click", (event) => {
  const tag = event.target.closest(".drop")?.closest(".tag");
  if (!tag) return;
  form.querySelector(`input[type="hidden"][name="${CSS.escape(tag.dataset.key)}"]`)?.remove();
  tag.remove();
  ask();
});
addEventListener("scroll", soon, { passive: true });
new ResizeObserver(() => { if (total) { count(); soon(); } }).observe(box);
ask();
