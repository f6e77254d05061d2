// Reading: one image, a key, the next. An answer counts when the server has it on the disk, and only then is shown as read.
import { say } from "./words.js";
import { base, get, post, trouble } from "./posting.js";

const reader = Number(document.getElementById("reading").dataset.reader);
const image = document.getElementById("image");
const board = document.getElementById("board");
const undo = document.getElementById("undo");
const done = document.getElementById("done");
const buttons = [...document.querySelectorAll("#classes button")];
const place = (token) => `${base}/review/picture/${token}`;
const kept = new Map(); // pictures that were fetched before their turn

let state = null;
let ready = false; // whether the image that is asked of is there to be seen, and nothing is on its way

const lock = () => {
  ready = false;
  for (const button of [...buttons, undo]) button.disabled = true;
};

const show = async (next) => {
  lock();
  state = next;
  document.getElementById("told").textContent = say("{n} of {n2} read", { n: state.read, n2: state.total });
  Object.assign(document.getElementById("bar"), { max: Math.max(state.total, 1), value: state.read });
  document.getElementById("last").textContent = state.last ? say("Last: {name}", { name: state.last.label ?? say("cannot tell") }) : "";
  undo.disabled = !state.last;
  image.hidden = !state.image;
  done.hidden = Boolean(state.image);
  board.classList.remove("large");
  image.dataset.token = "";
  if (!state.image) {
    done.textContent = state.total ? say("All {n} images are read. Thank you.", { n: state.total }) : say("There is nothing to read for you yet.");
    return;
  }
  const mine = state;
  image.src = place(state.image);
  try { await image.decode(); } catch { if (mine === state) trouble(new Error(say("This picture cannot be shown. Reload the page."))); return; }
  if (mine !== state) return;
  image.dataset.token = state.image;
  ready = true;
  for (const button of buttons) button.disabled = false;
  for (const token of state.ahead) if (!kept.has(token)) kept.set(token, Object.assign(new Image(), { src: place(token) }));
};

const ask = async (what) => {
  lock();
  trouble(null);
  try { await show(await what()); } catch (error) {
    trouble(error);
    try { await show(await get(`review/state.json?reader=${reader}`)); } catch { for (const button of [...buttons, undo]) button.disabled = false; ready = true; }
  }
};
const read = (label) => ready && ask(() => post("review/read", { reader, image: state.image, label }));
const takeBack = () => !undo.disabled && ask(() => post("review/undo", { reader, reading: state.last.reading }));

for (const button of buttons) button.addEventListener("click", () => { button.blur(); read(button.dataset.label ?? null); });
undo.addEventListener("click", () => { undo.blur(); takeBack(); });
const enlarge = () => board.classList.toggle("large");
image.addEventListener("click", enlarge);

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.target.type === "range") return;
  if (event.key === "u") return takeBack();
  if (event.key === "z") return enlarge();
  buttons.find((one) => one.dataset.key === event.key)?.click();
});

const light = ["brightness", "contrast"].map((name) => document.getElementById(name));
const lit = () => { image.style.filter = light.map((one) => `${one.id}(${one.value}%)`).join(" "); };
for (const one of light) one.addEventListener("input", lit);
document.getElementById("plain").addEventListener("click", () => { for (const one of light) one.value = 100; lit(); });

ask(() => get(`review/state.json?reader=${reader}`));
